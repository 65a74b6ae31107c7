//! What a request and its response look like on the other side.

use std::net::SocketAddr;

use bascule_edge::{InstanceRoute, Refusal, ServiceRoute};
use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId, Slot};
use http::Request;

use crate::support::Nobody;
use crate::support::client::{Http1, get, raw, text};
use crate::support::edge::{Edge, key, route};
use crate::support::instance::{Instance, full};
use crate::support::load::long_body;

async fn one() -> (tempfile::TempDir, Edge, Instance, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    (folder, edge, instance, address)
}

#[tokio::test]
async fn an_instance_learns_who_asks_and_nothing_of_the_hop() {
    let (_folder, _edge, _instance, address) = one().await;
    let request = Request::get("/headers?a=b")
        .header("host", "Shop.example.com:80")
        .header("x-forwarded-for", "6.6.6.6")
        .header("forwarded", "for=6.6.6.6")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("te", "trailers")
        .header("x-own", "kept")
        .body(full(""))
        .unwrap();
    let response = Http1::connect(address).await.unwrap().send(request).await.unwrap();
    let seen = text(&response);
    for line in [
        "GET /headers?a=b\n",
        "\nhost: Shop.example.com:80\n",
        "\nx-forwarded-for: 127.0.0.1\n",
        "\nx-forwarded-proto: http\n",
        "\nx-forwarded-host: Shop.example.com:80\n",
        "\nforwarded: for=127.0.0.1;host=\"Shop.example.com:80\";proto=http\n",
        "\nx-own: kept\n",
    ] {
        assert!(seen.contains(line), "{line:?} in {seen}");
    }
    assert!(!seen.contains("x-hop") && !seen.contains("6.6.6.6") && !seen.contains("\nte:"), "{seen}");
    let id = seen.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    assert_eq!(id.len(), 32);
}

#[tokio::test]
async fn bodies_pass_whole_in_both_framings() {
    let (_folder, _edge, _instance, address) = one().await;
    let mut client = Http1::connect(address).await.unwrap();
    let known = Request::post("/echo").header("host", "a").body(full("known length")).unwrap();
    assert_eq!(text(&client.send(known).await.unwrap()), "known length");
    let chunked = Request::post("/up").header("host", "a").body(long_body()).unwrap();
    assert_eq!(text(&client.send(chunked).await.unwrap()), "20971520");
    let events = client.get("/events").await.unwrap();
    assert!(text(&events).ends_with("data: 5\n\n"));
    assert_eq!(client.get("/empty").await.unwrap().status(), 204);
}

#[tokio::test]
async fn responses_are_framed_for_the_request() {
    let (_folder, _edge, _instance, address) = one().await;
    let head = raw(address, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 2\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let empty = raw(address, b"GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(!empty.contains("transfer-encoding") && empty.ends_with("\r\n\r\n"), "{empty}");
    let old = raw(address, b"GET /events HTTP/1.0\r\n\r\n").await;
    assert!(!old.contains("transfer-encoding") && old.ends_with("data: 5\n\n"), "{old}");
    let chunked = raw(address, b"GET /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(chunked.contains("transfer-encoding: chunked") && chunked.ends_with("0\r\n\r\n"), "{chunked}");
    let both = raw(
        address,
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(both.matches("HTTP/1.1 20").count(), 2, "{both}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_is_told_to_go_on() {
    let (_folder, _edge, _instance, address) = one().await;
    let request = b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
    crate::support::client::read_until(&mut stream, "100 Continue\r\n\r\n").await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"abc").await.unwrap();
    assert!(crate::support::client::read_to_end(&mut stream).await.ends_with("abc"));
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_has_ended_is_not_lost() {
    let (_folder, _edge, _instance, address) = one().await;
    for _ in 0..10 {
        let mut client = Http1::connect(address).await.unwrap();
        let request = Request::post("/early").header("host", "a").body(long_body()).unwrap();
        let response = client.open(request).await.unwrap();
        assert_eq!(response.status(), 413);
    }
}

#[tokio::test]
async fn without_anybody_to_serve_the_answer_is_plain_and_has_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "connect_timeout=200").await;
    let (address, _socket) = edge.listen().await;
    let unknown = get(address, "/").await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.headers()["cache-control"], "no-store");
    let id = unknown.headers()["x-request-id"].to_str().unwrap();
    assert!(text(&unknown).contains(id));

    let gone = Nobody::new();
    edge.put(address, Slot::Blue, "r1", &[gone.address()]).await;
    assert_eq!(get(address, "/").await.status(), 503);
    edge.switch(Slot::Blue, "r1").await;
    assert_eq!(get(address, "/").await.status(), 502);
    let live = ReleaseId::from_text("r1");
    edge.client.switch(edge.fence(), &key(), Some(&live), None).await.unwrap();
    assert_eq!(get(address, "/").await.status(), 503);
    edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    assert_eq!(get(address, "/").await.status(), 404);
}

#[tokio::test]
async fn several_apps_share_a_listener_by_host_and_path() {
    let (_folder, edge, _instance, address) = one().await;
    let (shop, api) = (Instance::start("shop").await, Instance::start("api").await);
    let other: EnvironmentKey = "other/production".parse().unwrap();
    let mut with_hosts = route(address, Slot::Blue, "r9", &[shop.address]);
    with_hosts.key = other.clone();
    with_hosts.hosts = vec!["*.example.com".to_owned()];
    with_hosts.services.push(ServiceRoute {
        hosts: Vec::new(),
        service: "api".parse().unwrap(),
        path: "/api".to_owned(),
        health_path: None,
        instances: vec![InstanceRoute { id: InstanceId::from_text("api-1"), address: api.address }],
    });
    let release = ReleaseId::from_text("r9");
    edge.client.put_slot(edge.fence(), with_hosts.clone()).await.unwrap();
    edge.client.switch(edge.fence(), &other, None, Some((Slot::Blue, &release))).await.unwrap();
    let ask = async |host: &str, path: &str| {
        let request = Request::get(path).header("host", host).body(full("")).unwrap();
        text(&Http1::connect(address).await.unwrap().send(request).await.unwrap()).to_owned()
    };
    assert_eq!(ask("a.EXAMPLE.com:8080", "/").await, "shop");
    assert_eq!(ask("a.example.com", "/api/x").await, "api");
    assert_eq!(ask("a.example.com", "/apis").await, "shop");
    assert_eq!(ask("elsewhere", "/api").await, "r1");

    let mut rival = with_hosts;
    rival.key = "third/production".parse().unwrap();
    let error = edge.client.put_slot(edge.fence(), rival).await.unwrap_err();
    assert!(
        matches!(error.refusal(), Some(Refusal::RouteTaken { other: by, .. }) if *by == other),
        "{error}"
    );
}
