//! Instances that refuse, die or come back, and what a request may be repeated on.

use std::net::SocketAddr;
use std::time::Duration;

use bascule_edge::Health;
use bascule_model::ids::{InstanceId, Slot};
use http::Request;
use tokio::io::AsyncWriteExt;

use crate::support::client::{Http1, get, text};
use crate::support::edge::{Edge, key, route};
use crate::support::instance::{Instance, full};
use crate::support::load::{Load, Mix};
use crate::support::scripted::{OK, head, scripted};
use crate::support::{Nobody, eventually};

async fn edge() -> (tempfile::TempDir, Edge) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "connect_timeout=300").await;
    (folder, edge)
}

async fn is_reachable(edge: &Edge, which: usize) -> bool {
    let state = edge.client.state().await.unwrap();
    state.environment(&key()).unwrap().slot(Slot::Blue).unwrap().instances[which].reachable
}

#[tokio::test]
async fn an_instance_that_refuses_costs_no_request_and_is_left_out_until_it_is_back() {
    let (_folder, edge) = edge().await;
    let (well, gone) = (Instance::start("well").await, Nobody::new());
    let address = edge.serve(&[gone.address(), well.address]).await;
    for _ in 0..20 {
        assert_eq!(text(&get(address, "/").await), "well");
    }
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!((counts.requests, counts.status[1]), (20, 20));
    assert!(
        (1..20).contains(&counts.connect_failures) && counts.retries == counts.connect_failures,
        "{counts:?}"
    );
    assert!(!is_reachable(&edge, 0).await);

    let back = Instance::on(gone.listen(), "back");
    eventually("the instance is let in again", async || is_reachable(&edge, 0).await).await;
    eventually("it gets its share", async || text(&get(address, "/").await) == "back").await;
    drop(back);
}

#[tokio::test]
async fn an_instance_is_let_in_when_its_health_path_says_so() {
    let (_folder, edge) = edge().await;
    let (well, gone) = (Instance::start("well").await, Nobody::new());
    let (address, _socket) = edge.listen().await;
    let mut with_path = route(address, Slot::Blue, "r1", &[gone.address(), well.address]);
    with_path.services[0].health_path = Some("/health".to_owned());
    edge.client.put_slot(edge.fence(), with_path).await.unwrap();
    edge.switch(Slot::Blue, "r1").await;
    eventually("it is found out", async || {
        get(address, "/").await;
        !is_reachable(&edge, 0).await
    })
    .await;
    // It takes connections, and is not well: the first answers are 503.
    let listener = gone.listen();
    let answers = tokio::spawn(async move {
        for answer in [&b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"[..], OK] {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(head(&mut stream).await.starts_with("GET /health HTTP/1.1\r\n"));
            stream.write_all(answer).await.unwrap();
        }
        listener
    });
    eventually("it is let in", async || is_reachable(&edge, 0).await).await;
    assert!(answers.is_finished() || answers.await.is_ok(), "both probes were answered before");
}

#[tokio::test]
async fn instances_that_die_under_load_cost_nothing_but_what_they_had() {
    let (_folder, edge) = edge().await;
    let well = Instance::start("well").await;
    let (first, last) = (Nobody::new(), Nobody::new());
    let address = edge.serve(&[well.address, first.address()]).await;
    let load = Load::start(address, Mix::Small);
    for _ in 0..5 {
        load.more(50).await;
        let passing = Instance::start("passing").await;
        edge.put(address, Slot::Blue, "r1", &[well.address, passing.address]).await;
        load.more(100).await;
        assert!(passing.served() > 0);
        edge.put(address, Slot::Blue, "r1", &[well.address, last.address()]).await;
    }
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_control_planes_word_counts_while_another_instance_is_left() {
    let (_folder, edge) = edge().await;
    let (one, two) = (Instance::start("one").await, Instance::start("two").await);
    let address = edge.serve(&[one.address, two.address]).await;
    let id = |n| InstanceId::from_text(format!("r1-{n}"));
    edge.client.set_health(&key(), &id(0), Health::Unhealthy).await.unwrap();
    for _ in 0..10 {
        assert_eq!(text(&get(address, "/").await), "two");
    }
    edge.client.set_health(&key(), &id(1), Health::Unhealthy).await.unwrap();
    assert_eq!(get(address, "/").await.status(), 200);
    edge.client.set_health(&key(), &id(0), Health::Healthy).await.unwrap();
    for _ in 0..10 {
        assert_eq!(text(&get(address, "/").await), "one");
    }
}

#[tokio::test]
async fn requests_are_spread_over_the_instances() {
    let (_folder, edge) = edge().await;
    let instances =
        [Instance::start("one").await, Instance::start("two").await, Instance::start("three").await];
    let address = edge.serve(&instances.each_ref().map(|instance| instance.address)).await;
    for _ in 0..150 {
        get(address, "/").await;
    }
    for instance in &instances {
        assert!((20..=85).contains(&instance.served()), "{}", instance.served());
    }
}

/// An instance that answers once per connection and hangs up on the second request without a byte.
async fn hangs_up_on_the_second() -> SocketAddr {
    scripted(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        head(&mut stream).await;
    })
    .await
}

#[tokio::test]
async fn a_stale_connection_costs_an_idempotent_request_nothing() {
    let (_folder, edge) = edge().await;
    let address = edge.serve(&[hangs_up_on_the_second().await]).await;
    let mut client = Http1::connect(address).await.unwrap();
    for _ in 0..10 {
        assert_eq!(text(&client.get("/?q=1").await.unwrap()), "ok");
    }
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert!(counts.retries >= 5 && counts.upstream_failures == 0, "{counts:?}");
}

#[tokio::test]
async fn a_connection_that_closes_in_the_pool_holds_no_request_up() {
    let (_folder, edge) = edge().await;
    let closes_at_once = scripted(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(OK).await.unwrap();
    });
    let address = edge.serve(&[closes_at_once.await]).await;
    // The end of the former connection meets the next request earlier, later, or in the middle.
    for pause in (0..60).map(|n| Duration::from_micros(n % 20 * 100)) {
        let mut client = Http1::connect(address).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(20), client.get("/?q=1")).await;
        assert_eq!(text(&answer.expect("an answer").unwrap()), "ok", "after {pause:?}");
        tokio::time::sleep(pause).await;
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_acted_on_is_not_repeated() {
    let (_folder, edge) = edge().await;
    let address = edge.serve(&[hangs_up_on_the_second().await]).await;
    let mut client = Http1::connect(address).await.unwrap();
    assert_eq!(client.get("/").await.unwrap().status(), 200);
    let post = Request::post("/").header("host", "a").body(full("x")).unwrap();
    assert_eq!(client.send(post).await.unwrap().status(), 502);
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!((counts.retries, counts.upstream_failures, counts.status[4]), (0, 1, 1));
}

#[tokio::test]
async fn an_instance_that_breaks_off_within_a_body_is_seen_to_have_broken_off() {
    let (_folder, edge) = edge().await;
    let instance = scripted(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let address = edge.serve(&[instance]).await;
    let mut client = Http1::connect(address).await.unwrap();
    assert!(client.get("/").await.is_err(), "a cut body must not look whole");
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!((counts.upstream_failures, counts.in_flight), (1, 0));
}

#[tokio::test]
async fn responses_that_break_the_rules_are_not_passed_on() {
    let (_folder, edge) = edge().await;
    let (address, _socket) = edge.listen().await;
    for bad in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ] {
        let instance = scripted(move |_, mut stream| async move {
            head(&mut stream).await;
            let _ = stream.write_all(bad).await;
        })
        .await;
        edge.put(address, Slot::Green, "r2", &[instance]).await;
        edge.switch(Slot::Green, "r2").await;
        assert_eq!(get(address, "/").await.status(), 502, "{}", bad.escape_ascii());
        edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    }
}

#[tokio::test]
async fn an_instance_that_does_not_answer_in_time_is_a_504() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "upstream_timeout=3000").await;
    let instance = Instance::start("slow").await;
    let address = edge.serve(&[instance.address]).await;
    let response = get(address, "/never").await;
    assert_eq!(response.status(), 504);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(get(address, "/").await.status(), 200);
}
