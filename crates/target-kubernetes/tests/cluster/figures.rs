//! What a real Prometheus says of users' requests: whether the queries mean what is made of their answers.

use std::time::Duration;

use bascule_database_servers::{Exporter, Prometheus};
use bascule_engine::ports::{SlotSpec, Traffic as _};
use bascule_model::evidence::Traffic as Count;
use bascule_model::problem::Code;
use bascule_model::release::{Observe, ObservedBy};

use crate::support::{World, problem, spec};

/// Longer than any of these takes.
const SINCE: Duration = Duration::from_secs(600);
/// What a target is labelled with that was found by its Service, by its pod, and in neither way.
const FOUND: [&str; 3] = [
    "namespace: ingress-nginx, service: controller, pod: controller-1",
    "namespace: ingress-nginx, pod: controller-1",
    "job: kept",
];

/// Counters by what comes before the figure, which is 0 at first.
type Series = Vec<(String, u64)>;

fn asked(prometheus: &str, by: ObservedBy) -> SlotSpec {
    let mut spec = spec(2);
    spec.release.cluster.as_mut().unwrap().observe =
        Some(Observe { prometheus: prometheus.to_owned(), by, requests: None, errors: None, latency: None });
    spec
}

fn own(spec: &mut SlotSpec) -> &mut Observe {
    spec.release.cluster.as_mut().unwrap().observe.as_mut().unwrap()
}

/// A Prometheus that has seen these grow from nothing.
fn grown(labels: &str, series: &Series) -> Option<(Prometheus, Exporter)> {
    let text = |of: fn(u64) -> u64| -> String {
        series.iter().map(|(name, value)| format!("{name} {}\n", of(*value))).collect()
    };
    let exporter = Exporter::start();
    exporter.say(&text(|_| 0));
    let prometheus = Prometheus::start(&[(exporter.address(), labels)])?;
    exporter.until_asked(3);
    exporter.say(&text(|value| value));
    Some((prometheus, exporter))
}

/// Waits until the figures are these, or at most a tenth more: a Prometheus goes on with the line to the edge of the time.
async fn until_seen(spec: &SlotSpec, requests: u64, errors: u64, slow: u64) -> Count {
    let world = World::new();
    let is = |seen: u64, wanted: u64| (wanted..=wanted + wanted / 10).contains(&seen);
    let mut last = None;
    for _ in 0..600 {
        let seen = world.traffic.observed(&spec.release, SINCE).await;
        if let Ok(Some(count)) = &seen
            && is(count.requests, requests)
            && is(count.errors, errors)
            && is(count.slow, slow)
        {
            return count.clone();
        }
        last = Some(seen);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not come to {requests}, {errors} and {slow}: {last:#?}");
}

/// Why there is no data, once it is not that nothing was scraped yet.
async fn until_told(spec: &SlotSpec, words: &str) {
    let world = World::new();
    let mut last = String::new();
    for _ in 0..600 {
        if let Err(problem) = refused(&world, spec).await {
            last = problem;
            if last.contains(words) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody said {words:?}: {last}");
}

async fn refused(world: &World, spec: &SlotSpec) -> Result<Option<Count>, String> {
    match world.traffic.observed(&spec.release, SINCE).await {
        Ok(count) => Ok(count),
        refused => {
            let problem = problem(refused);
            assert_eq!(problem.code, Code::BakeNoData);
            Err(problem.message)
        }
    }
}

/// Cumulative buckets of 1000 requests, of which 100 took longer than a second.
fn buckets(series: &str, labels: &str, second: u32) -> Series {
    let bounds = [(format!("{}", f64::from(second) / 2.0), 800), (second.to_string(), 900)];
    let mut all: Series =
        bounds.into_iter().map(|(le, count)| (format!("{series}{{{labels},le=\"{le}\"}}"), count)).collect();
    all.push((format!("{series}{{{labels},le=\"+Inf\"}}"), 1000));
    all
}

fn of_nginx(namespace: &str, service: &str) -> Series {
    let labels = format!(r#"namespace="{namespace}",service="{service}",ingress="doors""#);
    let mut all = buckets("nginx_ingress_controller_request_duration_seconds_bucket", &labels, 1);
    for (status, count) in [("200", 900), ("404", 50), ("500", 20), ("503", 30)] {
        all.push((format!("nginx_ingress_controller_requests{{{labels},status=\"{status}\"}}"), count));
    }
    all
}

#[tokio::test]
async fn ingress_nginx_whose_labels_a_scrape_renames_or_keeps() {
    let mut all = of_nginx("shop", "shop-web");
    // Of others: another app of the namespace, the same in another one.
    all.extend(of_nginx("shop", "shop-worker"));
    all.extend(of_nginx("elsewhere", "shop-web"));
    for labels in FOUND {
        let Some((prometheus, _exporter)) = grown(labels, &all) else { return };
        until_seen(&asked(&prometheus.address(), ObservedBy::IngressNginx), 1000, 50, 100).await;
    }
}

#[tokio::test]
async fn envoy_as_each_of_its_masters_names_what_is_upstream() {
    let names = [
        "shop_shop-web_80",
        "shop/shop-web/80/da39a3ee5e",
        "httproute/shop/shop-web/rule/0",
        "outbound|80||shop-web.shop.svc.cluster.local",
    ];
    let others = [
        "shop_shop-webshop_80",
        "elsewhere_shop-web_80",
        "httproute/shop/shop-web-2/rule/0",
        "outbound|80||shop-web.elsewhere.svc.cluster.local",
    ];
    let of = |name: &str| {
        let labels = format!("envoy_cluster_name=\"{name}\"");
        let mut all = buckets("envoy_cluster_upstream_rq_time_bucket", &labels, 1000);
        all.push((format!("envoy_cluster_upstream_rq_total{{{labels}}}"), 1000));
        for (class, count) in [("2", 900), ("4", 50), ("5", 50)] {
            let class = format!("envoy_response_code_class=\"{class}\"");
            all.push((format!("envoy_cluster_upstream_rq_xx{{{labels},{class}}}"), count));
        }
        all
    };
    for name in names {
        let mut all = of(name);
        all.extend(others.into_iter().flat_map(of));
        let Some((prometheus, _exporter)) = grown("job: envoy", &all) else { return };
        until_seen(&asked(&prometheus.address(), ObservedBy::Envoy), 1000, 50, 100).await;
    }
}

/// The app's own histogram of one pod; `status` is what it calls the status.
fn of_pod(status: &str) -> Series {
    let series = "http_request_duration_seconds";
    let mut all = Series::new();
    for (value, count) in [("200", 950), ("500", 50)] {
        let labels = format!("method=\"GET\",{status}=\"{value}\"");
        all.push((format!("{series}_count{{{labels}}}"), count));
        for (le, share) in [("0.5", 80), ("1", 90), ("+Inf", 100)] {
            all.push((format!("{series}_bucket{{{labels},le=\"{le}\"}}"), count * share / 100));
        }
    }
    all
}

fn pod_of(release: &SlotSpec) -> String {
    format!("namespace: shop, pod: shop-web-{}-7d9f5-x2x4q", release.release.id)
}

#[tokio::test]
async fn an_app_that_counts_for_itself_in_each_usual_way() {
    for status in ["status", "code", "status_code"] {
        let Some((prometheus, _exporter)) = grown(&pod_of(&spec(2)), &of_pod(status)) else { return };
        until_seen(&asked(&prometheus.address(), ObservedBy::App), 1000, 50, 100).await;
    }
}

#[tokio::test]
async fn all_pods_of_the_release_count_and_none_of_the_former() {
    let exporters: Vec<Exporter> = (0..3).map(|_| Exporter::start()).collect();
    let text = |share: u64| -> String {
        of_pod("status").iter().map(|(name, value)| format!("{name} {}\n", value * share)).collect()
    };
    exporters.iter().for_each(|exporter| exporter.say(&text(0)));
    let (new, former) = (pod_of(&spec(2)), pod_of(&spec(1)));
    let other = new.replace("x2x4q", "zzzzz");
    let labels = [new.as_str(), other.as_str(), former.as_str()];
    let scraped: Vec<_> = exporters.iter().map(Exporter::address).zip(labels).collect();
    let Some(prometheus) = Prometheus::start(&scraped) else { return };
    for exporter in &exporters {
        exporter.until_asked(3);
        exporter.say(&text(1));
    }
    until_seen(&asked(&prometheus.address(), ObservedBy::App), 2000, 100, 200).await;
}

#[tokio::test]
async fn what_an_app_counted_before_it_was_first_seen_is_not_lost() {
    let exporter = Exporter::start();
    let text: String = of_pod("status").iter().map(|(name, value)| format!("{name} {value}\n")).collect();
    exporter.say(&text);
    let Some(prometheus) = Prometheus::start(&[(exporter.address(), &pod_of(&spec(2)))]) else { return };
    let seen = until_seen(&asked(&prometheus.address(), ObservedBy::App), 1000, 50, 100).await;
    assert_eq!(
        (seen.requests, seen.errors, seen.slow),
        (1000, 50, 100),
        "nothing grows, so nothing is estimated"
    );
}

#[tokio::test]
async fn failures_are_none_where_none_is_there_and_unknown_where_no_status_is() {
    let without_failures: Series =
        of_pod("status").into_iter().filter(|(name, _)| !name.contains("500")).collect();
    let Some((prometheus, _exporter)) = grown(&pod_of(&spec(2)), &without_failures) else { return };
    until_seen(&asked(&prometheus.address(), ObservedBy::App), 950, 0, 95).await;
    let Some((prometheus, _exporter)) = grown(&pod_of(&spec(2)), &of_pod("route")) else { return };
    until_told(&asked(&prometheus.address(), ObservedBy::App), "without a status").await;
}

#[tokio::test]
async fn queries_of_ones_own() {
    let mut all = buckets("took_bucket", "where=\"shop/shop-web\"", 1);
    all.push(("hits{where=\"shop/shop-web\"}".to_owned(), 1000));
    all.push(("misses{where=\"shop/shop-web\"}".to_owned(), 50));
    let Some((prometheus, _exporter)) = grown("job: own", &all) else { return };
    let mut spec = asked(&prometheus.address(), ObservedBy::IngressNginx);
    let of = |series: &str| format!("increase({series}{{where=\"$namespace/$service\"}}[$window])");
    *own(&mut spec) = Observe {
        requests: Some(format!("sum({})", of("hits"))),
        errors: Some(of("misses")),
        latency: Some(format!("sum by (le) ({})", of("took_bucket"))),
        ..own(&mut spec).clone()
    };
    until_seen(&spec, 1000, 50, 100).await;
    // Failures that no series is there for are none: somebody who asks in their own words knows what they ask.
    own(&mut spec).errors = Some(of("nothing"));
    until_seen(&spec, 1000, 0, 100).await;
}

#[tokio::test]
async fn an_answer_that_is_no_figure_is_no_data_in_its_own_words() {
    let mut all = of_nginx("shop", "shop-web");
    all.extend(of_nginx("shop", "shop-worker"));
    let Some((prometheus, _exporter)) = grown("job: kept", &all) else { return };
    let well = asked(&prometheus.address(), ObservedBy::IngressNginx);
    until_seen(&well, 1000, 50, 100).await;
    let series = "nginx_ingress_controller_requests";
    for (requests, words) in [
        ("sum(not_there)".to_owned(), "has nothing for requests"),
        ("vector(0) / 0".to_owned(), "answered NaN for requests"),
        ("vector(1) / 0".to_owned(), "answered +Inf for requests"),
        ("sum(".to_owned(), "refused the query for requests: invalid parameter \"query\""),
        ("rate(up)".to_owned(), "expected type range vector"),
        (format!("increase({series}[$window])"), "is inconclusive about requests: 8 series"),
        (format!("{series}[$window]"), "is inconclusive about requests: the answer is a matrix"),
        ("vector(-1)".to_owned(), "is inconclusive about requests: -1 is less"),
        ("\"text\"".to_owned(), "is inconclusive about requests: the answer is a string"),
    ] {
        let mut spec = well.clone();
        own(&mut spec).requests = Some(requests);
        until_told(&spec, words).await;
    }
    for (latency, words) in [
        ("vector(1)", "is inconclusive about latency: a series has no `le`"),
        ("sum by (le) (not_there)", "has nothing for latency"),
    ] {
        let mut spec = well.clone();
        own(&mut spec).latency = Some(latency.to_owned());
        until_told(&spec, words).await;
    }
    let mut spec = well.clone();
    own(&mut spec).errors = Some("vector(0) / 0".to_owned());
    until_told(&spec, "answered NaN for errors").await;
}

#[tokio::test]
async fn nothing_scraped_is_no_data_whoever_counts() {
    let Some(prometheus) = Prometheus::start(&[]) else { return };
    for by in ObservedBy::ALL {
        until_told(&asked(&prometheus.address(), by), "has nothing for requests").await;
    }
}

#[tokio::test]
async fn one_that_hangs_is_down_or_is_something_else() {
    let Some((prometheus, _exporter)) = grown("job: kept", &of_nginx("shop", "shop-web")) else { return };
    let spec = asked(&prometheus.address(), ObservedBy::IngressNginx);
    until_seen(&spec, 1000, 50, 100).await;
    prometheus.freeze();
    until_told(&spec, "does not answer: nothing came within 3 s").await;
    drop(prometheus);
    until_told(&spec, "does not answer: Connection refused").await;
    let page = Exporter::start();
    page.say("<!doctype html><title>Log in</title>");
    let spec = asked(&format!("http://{}", page.address()), ObservedBy::IngressNginx);
    until_told(&spec, "what came is no JSON").await;
    let Some(prometheus) = Prometheus::start(&[]) else { return };
    // Its own page for what is not there.
    let spec = asked(&format!("{}/elsewhere", prometheus.address()), ObservedBy::IngressNginx);
    until_told(&spec, "status 404 Not Found, and what came is no JSON").await;
}
