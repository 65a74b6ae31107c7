//! Health probes, and the words of each failure.

use std::time::Duration;

use bascule_health::probe;
use bascule_model::evidence::Status;
use bascule_model::release::{Health, Probe};

use crate::server::{Reply, Server, answer, nobody};

fn health(probe: Probe, timeout: u64) -> Health {
    Health {
        probe,
        interval: Duration::from_secs(1),
        timeout: Duration::from_millis(timeout),
        start_period: Duration::from_secs(10),
        healthy_after: 2,
        unhealthy_after: 3,
    }
}

fn http() -> Health {
    health(Probe::Http { path: "/health?deep=1".to_owned() }, 10_000)
}

async fn told(reply: Reply) -> (Status, String) {
    let server = Server::start(vec![reply]).await;
    let result = probe(server.address, &http()).await;
    (result.status, result.detail)
}

#[tokio::test]
async fn any_2xx_is_well() {
    let server = Server::start(vec![answer("200 OK", "fine"), answer("204 No Content", "")]).await;
    for detail in ["200 OK", "204 No Content"] {
        let result = probe(server.address, &http()).await;
        assert_eq!((result.status, result.detail.as_str()), (Status::Pass, detail));
    }
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains(&format!("host: {}\r\n", server.address)), "{}", requests[0]);
}

#[tokio::test]
async fn anything_else_is_not_and_says_what_came_back() {
    for (reply, expected) in [
        (
            answer("503 Service Unavailable", "database:\n down\u{7}"),
            "503 Service Unavailable: \"database: down\"",
        ),
        (answer("404 Not Found", ""), "404 Not Found"),
        (
            Reply::Bytes(b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n".to_vec()),
            "302 Found (redirects are not followed)",
        ),
        (Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "the answer is not HTTP/1.1"),
        (Reply::Bytes(Vec::new()), "the connection was closed before an answer came"),
        (Reply::Reset, "connection reset"),
    ] {
        assert_eq!(told(reply).await, (Status::Fail, expected.to_owned()));
    }
    let (status, detail) = told(answer("500 Internal Server Error", &"é".repeat(900))).await;
    assert_eq!(
        (status, detail.chars().count()),
        (Status::Fail, "500 Internal Server Error: \"\"".len() + 201)
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let half = Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it".to_vec());
    let (status, detail) = told(half).await;
    assert_eq!(status, Status::Fail);
    assert!(detail.starts_with("200 OK, and then the answer broke off after 10 bytes"), "{detail}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let (status, detail) = told(answer("200 OK", &"x".repeat(3_000_000))).await;
    assert_eq!((status, detail.as_str()), (Status::Pass, "200 OK"));
}

#[tokio::test]
async fn silence_and_absence_have_their_words() {
    let server = Server::start(vec![Reply::Silence]).await;
    let impatient = health(Probe::Http { path: "/".to_owned() }, 50);
    assert_eq!(probe(server.address, &impatient).await.detail, "timed out after 50 ms");
    let address = nobody().await;
    for probed in [http(), health(Probe::Connect, 3_000)] {
        let result = probe(address, &probed).await;
        assert_eq!((result.status, result.detail.as_str()), (Status::Fail, "connection refused"));
    }
}

#[tokio::test]
async fn a_port_that_takes_connections_is_well_without_a_word() {
    let server = Server::start(vec![Reply::Silence]).await;
    let result = probe(server.address, &health(Probe::Connect, 3_000)).await;
    assert_eq!((result.status, result.detail.as_str()), (Status::Pass, "connected"));
}

#[tokio::test]
async fn uptime_is_nothing_to_ask_for() {
    let result = probe(nobody().await, &health(Probe::Uptime, 3_000)).await;
    assert_eq!(result.status, Status::NoData);
}
