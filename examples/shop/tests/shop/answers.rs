//! What the shop answers, and that a stop ends what is in flight.

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::program::{Shop, answer};

#[test]
fn every_answer_says_who_gave_it() -> Result<()> {
    let shop = Shop::start(&[
        ("SHOP_VERSION", "7"),
        ("BASCULE_RELEASE", "r-12"),
        ("BASCULE_SLOT", "green"),
        ("BASCULE_INSTANCE", "shop-r-12-web-1"),
    ])?;
    for path in ["/", "/health", "/version", "/api/users", "/nowhere"] {
        let head = shop.get(path)?.head;
        for header in [
            "x-shop-version: 7",
            "x-shop-release: r-12",
            "x-shop-slot: green",
            "x-shop-instance: shop-r-12-web-1",
        ] {
            assert!(head.contains(header), "{path} does not say {header}: {head}");
        }
    }
    let page = shop.get("/")?.body;
    assert!(page.contains("<dd>r-12</dd>") && page.contains("data-slot=\"green\""));
    Ok(())
}

#[test]
fn the_api() -> Result<()> {
    let shop = Shop::start(&[])?;
    let users: Value = serde_json::from_str(&shop.get("/api/users")?.body)?;
    assert_eq!(users["users"][0]["name"], "Ada");

    let order = shop.send("POST", "/api/orders", r#"{"item":"bridge","quantity":2}"#)?;
    assert_eq!((order.status, order.body.as_str()), (201, r#"{"id":1,"item":"bridge","quantity":2}"#));
    for wrong in [r#"{"item":"bridge","quantity":0}"#, r#"{"item":" ","quantity":1}"#, r#"{"item":"bridge"}"#]
    {
        assert_eq!(shop.send("POST", "/api/orders", wrong)?.status, 422, "{wrong}");
    }
    let orders: Value = serde_json::from_str(&shop.get("/api/orders")?.body)?;
    assert_eq!((&orders["taken"], &orders["orders"][0]["item"]), (&Value::from(1), &Value::from("bridge")));

    let health: Value = serde_json::from_str(&shop.get("/health")?.body)?;
    assert_eq!((&health["status"], &health["checks"]["orders"]), (&"ok".into(), &"ok: 1 in the book".into()));
    Ok(())
}

#[test]
fn bodies_go_both_ways() -> Result<()> {
    let shop = Shop::start(&[])?;
    let download = shop.get("/download?bytes=200000")?;
    assert!(download.head.contains("content-length: 200000"), "{}", download.head);
    let receipt = shop.send("POST", "/upload", "abc")?.body;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(receipt, format!(r#"{{"bytes":3,"sha256":"{sha256}"}}"#));
    let echo: Value = serde_json::from_str(&shop.send("PUT", "/echo?x=1", "hello")?.body)?;
    assert_eq!(
        (&echo["method"], &echo["target"], &echo["body"]),
        (&"PUT".into(), &"/echo?x=1".into(), &"hello".into())
    );
    assert_eq!(echo["headers"]["content-length"][0], "5");
    Ok(())
}

#[test]
fn events_come_to_their_end() -> Result<()> {
    let shop = Shop::start(&[("SHOP_VERSION", "3")])?;
    let stream = shop.get("/events?count=2&interval_ms=1")?;
    assert!(stream.head.contains("content-type: text/event-stream"));
    let events =
        ["id: 0\nevent: tick\ndata: {\"n\":0,\"version\":\"3\"}\n\n", "id: 1\n", "event: end\ndata: {}\n\n"];
    for event in events {
        assert!(stream.body.contains(event), "{event:?} is not in {:?}", stream.body);
    }
    Ok(())
}

#[test]
fn a_stop_ends_what_is_in_flight_and_leaves_with_zero() -> Result<()> {
    let mut shop = Shop::start(&[])?;
    let mut slow = shop.connect()?;
    write!(slow, "GET /slow?ms=700 HTTP/1.1\r\nhost: shop\r\n\r\n")?;
    let mut events = shop.connect()?;
    write!(events, "GET /events?interval_ms=1 HTTP/1.1\r\nhost: shop\r\n\r\n")?;
    // The stream's first bytes say that both requests are being served: they came in this order.
    events.read_exact(&mut [0; 20])?;
    let mut probe = shop.connect()?;
    write!(probe, "GET /health HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")?;
    assert_eq!(answer(probe)?.status, 200);

    shop.terminate()?;
    shop.line_with("stopping")?;
    let answered = answer(slow)?;
    assert_eq!((answered.status, answered.body.as_str()), (200, "answered after 700 ms\n"));
    let mut rest = String::new();
    events.read_to_string(&mut rest)?;
    assert!(rest.contains("event: bye") && rest.ends_with("0\r\n\r\n"), "no farewell in {rest:?}");
    assert_eq!(shop.wait()?.code(), Some(0));
    assert!(std::net::TcpStream::connect(&shop.address).is_err());
    Ok(())
}

#[test]
fn a_stop_closes_websockets_with_a_frame() -> Result<()> {
    let mut shop = Shop::start(&[])?;
    let mut socket = shop.connect()?;
    write!(
        socket,
        "GET /ws HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = [0; 16];
    socket.read_exact(&mut head)?;
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{:?}", String::from_utf8_lossy(&head));
    shop.terminate()?;
    let mut rest = Vec::new();
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.read_to_end(&mut rest)?;
    // A close frame (0x88) with the code 1001 and its reason, RFC 6455, 5.5.1.
    let close = [&[0x88, 16, 0x03, 0xe9][..], b"the shop stops"].concat();
    assert!(rest.ends_with(&close), "no close at the end of {:?}", String::from_utf8_lossy(&rest));
    assert_eq!(shop.wait()?.code(), Some(0));
    Ok(())
}

#[test]
fn a_shop_that_stops_says_which_answers_are_the_last() -> Result<()> {
    let mut shop = Shop::start(&[("SHOP_LAST_CALL_MS", "3000")])?;
    let mut kept = shop.connect()?;
    shop.terminate()?;
    shop.line_with("last call")?;
    write!(kept, "GET /version HTTP/1.1\r\nhost: shop\r\n\r\n")?;
    // It is read to the end of the connection, which nobody asked to be closed.
    let last = answer(kept)?;
    assert_eq!(last.status, 200);
    assert!(last.head.to_ascii_lowercase().contains("connection: close"), "{}", last.head);
    assert!(shop.wait()?.success());
    Ok(())
}
