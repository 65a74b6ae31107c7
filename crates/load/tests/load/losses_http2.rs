//! HTTP/2: a stream that the server did not look at is sent again; one that was reset or lost is a loss.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::{Server, load_until};
use anyhow::Result;
use bascule_load::{Cause, Profile};
use bytes::Bytes;
use http::Response;
use tokio::net::TcpStream;

/// What becomes of every second stream.
#[derive(Clone, Copy)]
enum Second {
    Reset(h2::Reason),
    /// The TCP connection ends.
    Dropped,
}

/// Numbers the streams of a test across all its connections.
struct Turns(AtomicUsize);

async fn serve(stream: TcpStream, second: Second, turns: &Turns) -> Result<()> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request?;
        if turns.0.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            respond.send_response(Response::new(()), false)?.send_data(Bytes::from_static(b"ok"), true)?;
            continue;
        }
        match second {
            Second::Reset(reason) => respond.send_reset(reason),
            Second::Dropped => return Ok(()),
        }
    }
    Ok(())
}

fn server(second: Second) -> Result<Server> {
    let turns = std::sync::Arc::new(Turns(AtomicUsize::new(0)));
    Server::scripted(move |stream| {
        let turns = std::sync::Arc::clone(&turns);
        async move { serve(stream, second, &turns).await }
    })
}

fn one_stream(server: &Server) -> Profile {
    Profile { http2: 1, path: Some("/".to_owned()), retry: bascule_load::Retry::Unsent, ..server.profile() }
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() -> Result<()> {
    let server = server(Second::Reset(h2::Reason::REFUSED_STREAM))?;
    let figures = load_until(one_stream(&server), |figures| figures.retries().unsent >= 3).await?;
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert!(figures.ok() >= 3);
    server.stop()
}

#[tokio::test]
async fn a_reset_stream_is_lost() -> Result<()> {
    let server = server(Second::Reset(h2::Reason::INTERNAL_ERROR))?;
    let figures = load_until(one_stream(&server), |figures| figures.failed() >= 2).await?;
    assert_eq!(figures.failed_by(Cause::Reset), figures.failed(), "{:#?}", figures.failures);
    server.stop()
}

#[tokio::test]
async fn a_dropped_connection_loses_its_streams() -> Result<()> {
    let server = server(Second::Dropped)?;
    let figures = load_until(one_stream(&server), |figures| figures.failed() >= 2).await?;
    let lost = figures.failed_by(Cause::Closed) + figures.failed_by(Cause::Reset);
    assert_eq!(lost, figures.failed(), "{:#?}", figures.failures);
    assert!(figures.ok() >= 2, "it did not connect again");
    server.stop()
}
