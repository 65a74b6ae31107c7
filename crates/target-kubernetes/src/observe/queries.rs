//! What is asked: for each source of figures three queries, each of which the manifest can replace. Pure.

use std::time::Duration;

use bascule_model::release::{Observe, ObservedBy, Release, Service};

use crate::names;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// How many requests ended: one number.
    Requests,
    /// How many of them failed: one number, or nothing for none.
    Errors,
    /// How long they took: a number for each `le`.
    Latency,
}

impl Figure {
    pub(super) const ALL: [Self; 3] = [Self::Requests, Self::Errors, Self::Latency];

    /// As the manifest calls it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::Latency => "latency",
        }
    }
}

/// Whose requests, and since when.
pub(super) struct Place {
    namespace: String,
    service: String,
    /// A regular expression over the pods' names.
    pods: String,
    window: String,
}

impl Place {
    pub(super) fn of(release: &Release, namespace: &str, service: &Service, since: Duration) -> Self {
        let app = &release.key.app;
        Self {
            namespace: namespace.to_owned(),
            service: names::service(app, &service.name),
            pods: format!("{}-.*", names::deployment(app, &service.name, &release.id)),
            window: format!("{}s", since.as_secs().max(1)),
        }
    }

    /// Where users come by another Service than the one that is called by its service.
    pub(super) fn behind(mut self, service: String) -> Self {
        self.service = service;
        self
    }

    fn put_into(&self, query: &str) -> String {
        [
            ("$namespace", &self.namespace),
            ("$service", &self.service),
            ("$pods", &self.pods),
            ("$window", &self.window),
        ]
        .into_iter()
        .fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
    }
}

/// Whether nothing found for errors means that nobody knows, and not that there are none.
pub(super) fn tells_none_by_zero(observe: &Observe) -> bool {
    observe.by == ObservedBy::App && observe.errors.is_none()
}

/// Bounds of the buckets of `latency` in a second.
pub(super) fn unit(observe: &Observe) -> f64 {
    match (observe.by, &observe.latency) {
        // Envoy's own are in milliseconds.
        (ObservedBy::Envoy, None) => 1000.0,
        _ => 1.0,
    }
}

/// The query for a figure.
pub(super) fn query(observe: &Observe, figure: Figure, place: &Place) -> String {
    let own = match figure {
        Figure::Requests => &observe.requests,
        Figure::Errors => &observe.errors,
        Figure::Latency => &observe.latency,
    };
    let usual = || usual(observe.by, figure);
    place.put_into(&own.clone().unwrap_or_else(usual))
}

fn usual(by: ObservedBy, figure: Figure) -> String {
    match by {
        ObservedBy::IngressNginx => {
            let (series, more) = match figure {
                Figure::Requests => ("nginx_ingress_controller_requests", ""),
                Figure::Errors => ("nginx_ingress_controller_requests", r#",status=~"5..""#),
                Figure::Latency => ("nginx_ingress_controller_request_duration_seconds_bucket", ""),
            };
            // What scrapes it renames those of its labels that a target has as well: by a Service both, by a pod the first.
            let names = [
                ("exported_namespace", "exported_service"),
                ("exported_namespace", "service"),
                ("namespace", "service"),
            ];
            let labels = names.map(|(namespace, service)| {
                format!(r#"{namespace}="$namespace",{service}="$service"{more}"#)
            });
            summed(figure, series, &labels)
        }
        ObservedBy::Envoy => {
            // As Contour, Envoy Gateway and Istio name what is upstream.
            let upstream = r#"envoy_cluster_name=~"$namespace[_/]$service([_/].*)?|httproute/$namespace/$service/.*|outbound.*[|]$service[.]$namespace[.].*""#;
            let (series, more) = match figure {
                Figure::Requests => ("envoy_cluster_upstream_rq_total", ""),
                Figure::Errors => ("envoy_cluster_upstream_rq_xx", r#",envoy_response_code_class="5""#),
                Figure::Latency => ("envoy_cluster_upstream_rq_time_bucket", ""),
            };
            summed(figure, series, &[format!("{upstream}{more}")])
        }
        ObservedBy::App => {
            let pods = r#"namespace="$namespace",pod=~"$pods""#;
            let count = "http_request_duration_seconds_count";
            match figure {
                Figure::Requests => counted(figure, count, &[pods.to_owned()]),
                Figure::Errors => {
                    let of = |statuses: &str| STATUS.map(|name| format!("{pods},{name}=~\"{statuses}\""));
                    // No failure yet is none. No status at all is no data: failures would look like anything else.
                    let none = counted(figure, count, &of(".+"));
                    format!("{} or 0 * {none}", counted(figure, count, &of("5..")))
                }
                Figure::Latency => {
                    counted(figure, "http_request_duration_seconds_bucket", &[pods.to_owned()])
                }
            }
        }
    }
}

/// What programs call the status of an answer.
const STATUS: [&str; 3] = ["status", "code", "status_code"];

/// As [`summed`], for series that belong to one release: one that began within the time began at 0, whatever it was when it was first seen.
/// Without that the failures before the first scrape would be lost.
fn counted(figure: Figure, series: &str, labels: &[String]) -> String {
    let one = |labels: &String| {
        let series = format!("{series}{{{labels}}}");
        format!(
            "((increase({series}[$window]) or 0 * min_over_time({series}[$window])) + \
             (min_over_time({series}[$window]) unless {series} offset $window) or increase({series}[$window]))"
        )
    };
    let all: Vec<String> = labels.iter().map(one).collect();
    format!("{}({})", sum(figure), all.join(" or "))
}

fn sum(figure: Figure) -> &'static str {
    if figure == Figure::Latency { "sum by (le) " } else { "sum" }
}

fn summed(figure: Figure, series: &str, labels: &[String]) -> String {
    let all: Vec<String> =
        labels.iter().map(|labels| format!("increase({series}{{{labels}}}[$window])")).collect();
    format!("{}({})", sum(figure), all.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            namespace: "prod".to_owned(),
            service: "shop-web".to_owned(),
            pods: "shop-web-r2-abcdef-.*".to_owned(),
            window: "35s".to_owned(),
        }
    }

    fn by(by: ObservedBy) -> Observe {
        let prometheus = "http://prometheus:9090".to_owned();
        Observe { prometheus, by, requests: None, errors: None, latency: None }
    }

    #[test]
    fn each_source_has_its_queries() {
        assert_eq!(
            query(&by(ObservedBy::IngressNginx), Figure::Errors, &place()),
            [("exported_namespace", "exported_service"), ("exported_namespace", "service"), ("namespace", "service")]
                .map(|(namespace, service)| format!(
                    r#"increase(nginx_ingress_controller_requests{{{namespace}="prod",{service}="shop-web",status=~"5.."}}[35s])"#
                ))
                .join(" or ")
                .replacen("", "sum(", 1) + ")"
        );
        let series = r#"http_request_duration_seconds_bucket{namespace="prod",pod=~"shop-web-r2-abcdef-.*"}"#;
        assert_eq!(
            query(&by(ObservedBy::App), Figure::Latency, &place()),
            format!(
                "sum by (le) (((increase({series}[35s]) or 0 * min_over_time({series}[35s])) + \
                 (min_over_time({series}[35s]) unless {series} offset 35s) or increase({series}[35s])))"
            )
        );
        for source in [ObservedBy::IngressNginx, ObservedBy::Envoy, ObservedBy::App] {
            for figure in Figure::ALL {
                let query = query(&by(source), figure, &place());
                assert!(!query.contains('$') && query.contains("[35s]"), "{query}");
            }
        }
    }

    #[test]
    fn a_query_of_ones_own_is_asked_instead() {
        let own = Observe {
            requests: Some(r#"sum(increase(hits{svc="$service"}[$window]))"#.to_owned()),
            ..by(ObservedBy::Envoy)
        };
        assert_eq!(query(&own, Figure::Requests, &place()), r#"sum(increase(hits{svc="shop-web"}[35s]))"#);
        assert!((unit(&own) - 1000.0).abs() < f64::EPSILON, "Envoy's own buckets are in milliseconds");
        let own = Observe { latency: Some("x".to_owned()), ..own };
        assert!((unit(&own) - 1.0).abs() < f64::EPSILON);
    }
}
