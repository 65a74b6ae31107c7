//! The register over a real PostgreSQL: two versions side by side on one table, and the query that a new column breaks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bascule_database_servers::Postgres;
use register::Options;
use serde_json::{Value, json};

const EXPAND: &str = include_str!("../migrations/20260214101500_full_name.sql");

/// A version that serves until the test ends.
fn start(address: &str, variables: &[(&str, &str)]) -> SocketAddr {
    let lookup = |name: &str| {
        let all = [("DATABASE_URL", address)].into_iter().chain(variables.iter().copied());
        all.into_iter().find(|(its, _)| *its == name).map(|(_, value)| value.to_owned())
    };
    let options = Options::read(lookup).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            register::serve(listener, options, std::future::pending()).await.unwrap();
        });
    });
    address
}

fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: register\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn json(answer: &(u16, String)) -> Value {
    serde_json::from_str(&answer.1).unwrap()
}

/// The statements of the expand.
fn expand() -> &'static str {
    let (_, expand) = EXPAND.split_once("-- expand").unwrap();
    expand.split("-- backfill").next().unwrap()
}

#[test]
fn two_versions_on_one_table() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql(
        &database,
        "CREATE TABLE person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)",
    );
    let address = server.address(&database);
    let old = start(&address, &[]);
    let careless = start(&address, &[("SELECT_STAR", "1")]);
    let new = start(&address, &[("COLUMN", "full_name")]);
    assert_eq!(ask(old, "GET", "/health", "").0, 200);
    let made = ask(old, "POST", "/people", r#"{"name":"Ada"}"#);
    assert_eq!((made.0, json(&made)), (201, json!({ "id": 1, "name": "Ada" })));
    assert_eq!(ask(careless, "GET", "/people/1", "").0, 200);
    let missing = ask(new, "GET", "/health", "");
    assert!(missing.0 == 503 && missing.1.contains("full_name"), "{missing:?}");

    server.psql(&database, expand());
    assert_eq!(ask(new, "GET", "/health", "").0, 200);
    let cached = ask(careless, "GET", "/people/1", "");
    assert!(cached.0 == 500 && cached.1.contains("cached plan must not change result type"), "{cached:?}");
    // Whoever writes which column, the other version reads it.
    for (writer, reader, name) in [(old, new, "Ada King"), (new, old, "Ada Lovelace")] {
        assert_eq!(ask(writer, "PUT", "/people/1", &json!({ "name": name }).to_string()).0, 200);
        assert_eq!(json(&ask(reader, "GET", "/people/1", ""))["name"], name);
    }
    let made = ask(new, "POST", "/people", r#"{"name":"Grace"}"#);
    assert_eq!(made.0, 201);
    assert_eq!(json(&ask(old, "GET", "/people", ""))[0], json!({ "id": 2, "name": "Grace" }));
    assert_eq!(ask(old, "GET", "/people/3", "").0, 404);
    assert_eq!(ask(old, "PUT", "/people/3", r#"{"name":"x"}"#).0, 404);
}

#[test]
fn faults() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql(&database, "CREATE TABLE person (id bigint, name text)");
    let address = server.address(&database);
    let ill = start(&address, &[("NEVER_HEALTHY", "1"), ("ERROR_RATE", "50%")]);
    assert_eq!(ask(ill, "GET", "/health", "").0, 503);
    let statuses: Vec<u16> = (0..4).map(|_| ask(ill, "GET", "/version", "").0).collect();
    assert_eq!(statuses, [200, 500, 200, 500]);
}
