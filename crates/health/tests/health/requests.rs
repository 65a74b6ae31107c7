//! Checks that are requests: what they send, what they expect, what they never tell.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bascule_health::{Place, check};
use bascule_model::evidence::Status;
use bascule_model::release::{Action, Check, Expect};

use crate::server::{Reply, Server, answer, nobody};

fn place(address: SocketAddr) -> Place {
    Place { address, host: None, env: BTreeMap::new(), folder: None }
}

fn get(expect: Expect) -> Check {
    Check {
        name: "users".to_owned(),
        action: Action::Request {
            method: "GET".to_owned(),
            path: "/api/users".to_owned(),
            headers: Vec::new(),
            body: None,
        },
        service: None,
        expect,
        retries: 0,
        over: Duration::ZERO,
    }
}

async fn told(expect: Expect, reply: Reply) -> (Status, String) {
    let server = Server::start(vec![reply]).await;
    let result = check(&get(expect), &place(server.address)).await;
    assert_eq!((result.name.as_str(), result.attempts), ("users", 1));
    (result.status, result.detail)
}

#[tokio::test]
async fn everything_is_sent_as_the_check_says() {
    let server = Server::start(vec![answer("201 Created", "")]).await;
    let mut posted = get(Expect { status: Some(201), ..Expect::default() });
    posted.action = Action::Request {
        method: "POST".to_owned(),
        path: "/api/users?dry=1".to_owned(),
        headers: vec![("X-One".to_owned(), "a b".to_owned()), ("X-One".to_owned(), "c".to_owned())],
        body: Some("{\"name\":\"ada\"}".to_owned()),
    };
    let at = Place { host: Some("shop.example.com".to_owned()), ..place(server.address) };
    let result = check(&posted, &at).await;
    assert_eq!((result.status, result.detail.as_str()), (Status::Pass, "201 Created"));
    let request = server.requests().remove(0);
    for part in [
        "POST /api/users?dry=1 HTTP/1.1\r\n",
        "host: shop.example.com\r\n",
        "x-one: a b\r\nx-one: c\r\n",
        "content-length: 14\r\n",
        "\r\n\r\n{\"name\":\"ada\"}",
    ] {
        assert!(request.contains(part), "{part:?} in\n{request}");
    }
}

#[tokio::test]
async fn each_expectation_is_held_against_the_answer() {
    let users = r#"{"users":[{"name":"ada"}],"next":null}"#;
    let status = |status| Expect { status: Some(status), ..Expect::default() };
    let json = |path: &str| Expect { json: Some(path.to_owned()), ..Expect::default() };
    let contains = |text: &str| Expect { contains: Some(text.to_owned()), ..Expect::default() };
    let (ok, pass, fail) = (answer("200 OK", users), Status::Pass, Status::Fail);
    for (expect, reply, expected) in [
        (Expect::default(), ok.clone(), (pass, "200 OK")),
        (
            Expect::default(),
            answer("301 Moved Permanently", ""),
            (fail, "301 Moved Permanently (expected 2xx)"),
        ),
        (status(404), answer("404 Not Found", "gone"), (pass, "404 Not Found")),
        (
            status(200),
            answer("500 Internal Server Error", "boom"),
            (fail, "500 Internal Server Error (expected 200): \"boom\""),
        ),
        (json("$.users[0].name"), ok.clone(), (pass, "200 OK")),
        (
            json("$.next"),
            answer("200 OK", "{\"next\":null}"),
            (fail, "200 OK (the answer has null at $.next): \"{\"next\":null}\""),
        ),
        (json("$.a"), answer("200 OK", "{}"), (fail, "200 OK (the answer has nothing at $.a): \"{}\"")),
        (
            json("$.a"),
            answer("200 OK", "<p>"),
            (fail, "200 OK (the answer is not JSON (expected value at line 1 column 1)): \"<p>\""),
        ),
        (contains("ada"), ok, (pass, "200 OK")),
        (
            contains("grace"),
            answer("200 OK", "x"),
            (fail, "200 OK (the answer does not contain the expected text): \"x\""),
        ),
        (
            Expect { status: Some(200), contains: Some("ada".to_owned()), ..Expect::default() },
            answer("418 I'm a teapot", ""),
            (fail, "418 I'm a teapot (expected 200; the answer does not contain the expected text)"),
        ),
    ] {
        assert_eq!(told(expect, reply).await, (expected.0, expected.1.to_owned()));
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_fails() {
    let expect = Expect { within_ms: Some(50), ..Expect::default() };
    assert_eq!(
        told(expect.clone(), Reply::Silence).await,
        (Status::Fail, "timed out after 50 ms".to_owned())
    );
    // The head alone is not the answer.
    let head = Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_vec());
    let (status, _) = told(expect, head).await;
    assert_eq!(status, Status::Fail);
    let result = check(&get(Expect::default()), &place(nobody().await)).await;
    assert_eq!((result.status, result.detail.as_str()), (Status::Fail, "connection refused"));
}

#[tokio::test]
async fn a_long_answer_is_looked_at_as_far_as_it_is_read() {
    let long = answer("200 OK", &("needle".to_owned() + &"x".repeat(3_000_000)));
    let contains = Expect { contains: Some("needle".to_owned()), ..Expect::default() };
    assert_eq!(told(contains, long.clone()).await.0, Status::Pass);
    let json = Expect { json: Some("$.a".to_owned()), ..Expect::default() };
    let (status, detail) = told(json, long).await;
    assert_eq!(status, Status::Fail);
    assert!(detail.contains("too long to look for $.a"), "{detail}");
}

#[tokio::test]
async fn what_settles_late_is_tried_again() {
    let replies = vec![Reply::Reset, answer("503 Service Unavailable", ""), answer("200 OK", "")];
    let server = Server::start(replies).await;
    let mut late = get(Expect::default());
    (late.retries, late.over) = (3, Duration::from_millis(30));
    let result = check(&late, &place(server.address)).await;
    assert_eq!((result.status, result.attempts, server.requests().len()), (Status::Pass, 3, 3));

    let server = Server::start(vec![answer("503 Service Unavailable", "")]).await;
    let result = check(&late, &place(server.address)).await;
    assert_eq!((result.status, result.attempts, server.requests().len()), (Status::Fail, 4, 4));
}

#[tokio::test(start_paused = true)]
async fn retries_are_spread_evenly() {
    let mut late = get(Expect::default());
    // Cannot be sent, and so takes no time of its own.
    late.action = Action::Request {
        method: "GET".to_owned(),
        path: "no path".to_owned(),
        headers: Vec::new(),
        body: None,
    };
    (late.retries, late.over) = (4, Duration::from_secs(8));
    let began = tokio::time::Instant::now();
    let result = check(&late, &place("127.0.0.1:9".parse().unwrap())).await;
    // The clock stands still but for the waits.
    assert_eq!((result.attempts, began.elapsed().as_secs()), (5, 8));
    assert_eq!(result.detail, "the path of the check cannot be sent: it is not valid HTTP");
}

#[tokio::test]
async fn nothing_that_was_sent_is_told_even_when_it_is_echoed() {
    let server = Server::start(vec![Reply::Echo]).await;
    let mut secret = get(Expect { contains: Some("h1dden-text".to_owned()), ..Expect::default() });
    secret.action = Action::Request {
        method: "POST".to_owned(),
        path: "/login?key=qu3ry-key".to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer t0ken-value".to_owned())],
        body: Some(r#"{"password":"pa55 word"}"#.to_owned()),
    };
    let result = check(&secret, &place(server.address)).await;
    assert_eq!(result.status, Status::Fail);
    assert!(server.requests()[0].contains("t0ken-value"));
    assert!(result.detail.contains("***"), "{}", result.detail);
    for hidden in ["t0ken", "qu3ry", "pa55", "word\"", "h1dden"] {
        assert!(!result.detail.contains(hidden), "{hidden} in {}", result.detail);
    }
    // A value that crosses the excerpt's end is not shown in part.
    for padding in 180..200 {
        let echo = answer("500 Internal Server Error", &format!("{} t0ken-value", "x".repeat(padding)));
        let server = Server::start(vec![echo]).await;
        let detail = check(&secret, &place(server.address)).await.detail;
        assert!(!detail.contains("t0"), "{detail}");
    }
    // What cannot be sent is not told either.
    secret.action = Action::Request {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: vec![("X-Key".to_owned(), "t0ken\nvalue".to_owned())],
        body: None,
    };
    let detail = check(&secret, &place(server.address)).await.detail;
    assert_eq!(detail, "the header \"X-Key\" of the check cannot be sent: it is not valid HTTP");
}
