//! Servers that lose requests, each in its own way: every kind of loss is counted, and under its own name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::{Server, always, head, load_until, own_loopback};
use anyhow::Result;
use bascule_load::{Cause, Figures, Kind, Profile, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// One connection of plain requests until two were lost.
async fn lose(server: &Server) -> Result<Figures> {
    load_until(Profile { http1: 1, ..server.profile() }, |figures| figures.failed() >= 2).await
}

fn only(figures: &Figures, cause: Cause) {
    assert!(figures.failed() >= 2);
    assert_eq!(figures.failed_by(cause), figures.failed(), "{:#?}", figures.failures);
    assert_eq!(figures.failures[0].cause, cause);
}

/// The connection ends with a reset instead of an orderly close.
fn reset(stream: TcpStream) -> Result<()> {
    stream.set_zero_linger()?;
    drop(stream);
    Ok(())
}

#[tokio::test]
async fn a_refused_connection() -> Result<()> {
    // Bound but not listening: nobody else can listen there either.
    let held = TcpSocket::new_v4()?;
    held.bind((own_loopback(), 0).into())?;
    let address = held.local_addr()?;
    let profile = Profile { http1: 1, http2: 1, websockets: 1, ..Profile::idle(address) };
    let figures =
        load_until(profile, |figures| figures.kinds.values().all(|kind| kind.failed() >= 2)).await?;
    only(&figures, Cause::Refused);
    Ok(())
}

#[tokio::test]
async fn a_connection_closed_before_the_answer() -> Result<()> {
    let server = Server::scripted(|mut stream| async move { head(&mut stream).await.map(drop) })?;
    let figures = lose(&server).await?;
    only(&figures, Cause::Closed);
    assert_eq!(figures.retries().reused, 0, "the connection was not a reused one");
    server.stop()
}

#[tokio::test]
async fn a_connection_reset_before_the_answer() -> Result<()> {
    let server = Server::scripted(|mut stream| async move {
        head(&mut stream).await?;
        reset(stream)
    })?;
    only(&lose(&server).await?, Cause::Reset);
    server.stop()
}

#[tokio::test]
async fn a_silent_server() -> Result<()> {
    let server = Server::scripted(|mut stream| async move {
        while stream.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    })?;
    let patience = Duration::from_millis(100);
    let profile = Profile { http1: 1, patience, ..server.profile() };
    let figures = load_until(profile, |figures| figures.failed() >= 2).await?;
    only(&figures, Cause::Timeout);
    server.stop()
}

#[tokio::test]
async fn a_bad_gateway_is_lost_and_a_fault_is_not() -> Result<()> {
    let server = Server::scripted(|stream| {
        always(stream, b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 11\r\n\r\nrequest 17\n")
    })?;
    let figures = lose(&server).await?;
    only(&figures, Cause::Status5xx);
    assert!(figures.failures[0].detail.contains("502 Bad Gateway: request 17"), "{:?}", figures.failures[0]);
    server.stop()?;

    let server = Server::scripted(|stream| {
        always(stream, b"HTTP/1.1 500 Oh\r\nx-shop-fault: error-rate\r\ncontent-length: 0\r\n\r\n")
    })?;
    let profile = Profile { http1: 1, ..server.profile() };
    let figures = load_until(profile, |figures| figures.injected() >= 2).await?;
    assert_eq!(figures.failed(), 0);
    server.stop()
}

#[tokio::test]
async fn a_wrong_status() -> Result<()> {
    let server = Server::scripted(|stream| always(stream, b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"))?;
    only(&lose(&server).await?, Cause::StatusOther);
    server.stop()
}

#[tokio::test]
async fn a_cut_body_with_a_length_and_in_chunks() -> Result<()> {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let server = Server::scripted(move |mut stream| async move {
            head(&mut stream).await?;
            Ok(stream.write_all(answer).await?)
        })?;
        only(&lose(&server).await?, Cause::Truncated);
        server.stop()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stalled_body() -> Result<()> {
    let server = Server::scripted(|mut stream| async move {
        head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await?;
        while stream.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    })?;
    let patience = Duration::from_millis(100);
    let profile = Profile { http1: 1, patience, ..server.profile() };
    let figures = load_until(profile, |figures| figures.failed() >= 2).await?;
    only(&figures, Cause::Timeout);
    assert!(figures.failures[0].detail.contains("stood still after 4 bytes"), "{:?}", figures.failures[0]);
    server.stop()
}

#[tokio::test]
async fn what_is_not_http() -> Result<()> {
    let server = Server::scripted(|stream| always(stream, b"220 mail.example.com ready\r\n\r\n"))?;
    only(&lose(&server).await?, Cause::Protocol);
    server.stop()
}

#[tokio::test]
async fn damaged_and_short_bodies() -> Result<()> {
    let cases: [(&[u8], Cause); 3] = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong", Cause::Corrupt),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Cause::Truncated),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Cause::Truncated),
    ];
    for (answer, cause) in cases {
        let server = Server::scripted(move |mut stream| async move {
            head(&mut stream).await?;
            Ok(stream.write_all(answer).await?)
        })?;
        let profile = Profile { downloads: 1, body_bytes: 5, ..server.profile() };
        let figures = load_until(profile, |figures| figures.failed() >= 2).await?;
        only(&figures, cause);
        server.stop()?;
    }
    // An upload that the server got wrong.
    let server = Server::scripted(|mut stream| async move {
        head(&mut stream).await?;
        let answer =
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 22\r\n\r\n{\"bytes\":5,\"sha256\":0}";
        stream.write_all(answer).await?;
        while stream.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    })?;
    let profile = Profile { uploads: 1, body_bytes: 5, ..server.profile() };
    only(&load_until(profile, |figures| figures.failed() >= 2).await?, Cause::Corrupt);
    server.stop()
}

/// Answers once on each connection and closes it only when the next request has come.
async fn answer_once(mut stream: TcpStream) -> Result<()> {
    head(&mut stream).await?;
    stream.write_all(OK).await?;
    head(&mut stream).await.map(drop)
}

#[tokio::test]
async fn a_reused_connection_that_ends_is_a_retry_or_a_loss_as_the_profile_says() -> Result<()> {
    let server = Server::scripted(answer_once)?;
    let one = Profile { http1: 1, path: Some("/".to_owned()), ..server.profile() };
    let figures = load_until(one.clone(), |figures| figures.retries().reused >= 3).await?;
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!(figures.kinds[&Kind::Http1].under_way(), 0);

    let strict = Profile { retry: Retry::Unsent, ..one };
    let figures = load_until(strict, |figures| figures.failed() >= 2).await?;
    only(&figures, Cause::Closed);
    assert_eq!(figures.retries().reused, 0);
    server.stop()
}

#[tokio::test]
async fn an_order_is_never_sent_twice() -> Result<()> {
    // Of ten requests on each connection the tenth is the order, and it is the one that is met by a close.
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let server = Server::scripted(move |mut stream| {
        let orders = Arc::clone(&counted);
        async move {
            while let Some(request) = head(&mut stream).await? {
                if request.starts_with("POST") {
                    orders.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                stream.write_all(OK).await?;
            }
            Ok(())
        }
    })?;
    let figures = lose(&server).await?;
    only(&figures, Cause::Closed);
    assert_eq!(figures.retries().reused, 0);
    assert_eq!(orders.load(Ordering::SeqCst) as u64, figures.failed());
    server.stop()
}

#[tokio::test]
async fn a_close_between_requests_is_nothing() -> Result<()> {
    let server = Server::scripted(|mut stream| async move {
        head(&mut stream).await?;
        Ok(stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await?)
    })?;
    let profile = Profile { http1: 1, ..server.profile() };
    let figures = load_until(profile, |figures| figures.ok() >= 30).await?;
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!((figures.retries().unsent, figures.retries().reused), (0, 0));
    server.stop()
}
