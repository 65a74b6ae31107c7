//! WebSockets and event streams: a farewell is no loss, a cut is, and so are messages that are missing.

use crate::server::{Server, head, load_until};
use anyhow::Result;
use bascule_load::{Cause, Figures, Profile};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// How the server ends a WebSocket after the first echo.
#[derive(Clone, Copy)]
enum End {
    Close(u16),
    CloseWithoutCode,
    Drop,
    Reset,
    WrongEcho,
    MissingTick,
}

async fn websocket(stream: TcpStream, end: End) -> Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    socket.send(Message::text(r#"{"hello":{}}"#)).await?;
    let Some(message) = socket.next().await else { return Ok(()) };
    match end {
        End::WrongEcho => socket.send(Message::text("echo of something else")).await?,
        End::MissingTick => {
            socket.send(Message::text(r#"{"tick":0}"#)).await?;
            socket.send(Message::text(r#"{"tick":2}"#)).await?;
        }
        _ => socket.send(message?).await?,
    }
    match end {
        End::Close(code) => {
            let frame = CloseFrame { code: code.into(), reason: "".into() };
            socket.send(Message::Close(Some(frame))).await?;
        }
        End::CloseWithoutCode => socket.send(Message::Close(None)).await?,
        End::Drop => return Ok(()),
        End::Reset => {
            socket.get_ref().set_zero_linger()?;
            return Ok(());
        }
        End::WrongEcho | End::MissingTick => {}
    }
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

async fn sockets(end: End) -> Result<Figures> {
    let server = Server::scripted(move |stream| websocket(stream, end))?;
    let profile = Profile { websockets: 1, ..server.profile() };
    let ended = |figures: &Figures| figures.websockets.closed.values().sum::<u64>() + figures.failed() >= 2;
    let figures = load_until(profile, ended).await?;
    server.stop()?;
    Ok(figures)
}

#[tokio::test]
async fn polite_closes_are_counted_by_code_and_are_no_loss() -> Result<()> {
    for code in [1000, 1001, 1012] {
        let figures = sockets(End::Close(code)).await?;
        assert!(figures.websockets.closed[&code] >= 2);
        assert_eq!((figures.failed(), figures.websockets.cut), (0, 0), "{code}: {:#?}", figures.failures);
    }
    let figures = sockets(End::CloseWithoutCode).await?;
    assert!(figures.websockets.closed[&1005] >= 2);
    assert_eq!(figures.failed(), 0);
    Ok(())
}

#[tokio::test]
async fn cuts_and_errors_are_losses() -> Result<()> {
    for end in [End::Drop, End::Reset, End::Close(1011)] {
        let figures = sockets(end).await?;
        assert!(figures.websockets.cut >= 2, "{figures:#?}");
        assert_eq!(figures.failed_by(Cause::WebsocketCut), figures.failed());
        assert_eq!(figures.websockets.cut, figures.failed());
    }
    Ok(())
}

#[tokio::test]
async fn wrong_and_missing_messages_are_losses() -> Result<()> {
    for end in [End::WrongEcho, End::MissingTick] {
        let figures = sockets(end).await?;
        assert_eq!(figures.failed_by(Cause::Corrupt), figures.failed(), "{:#?}", figures.failures);
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_handshake_is_a_loss() -> Result<()> {
    let server = Server::scripted(|mut stream| async move {
        head(&mut stream).await?;
        Ok(stream.write_all(b"HTTP/1.1 503 Nobody\r\ncontent-length: 0\r\n\r\n").await?)
    })?;
    let profile = Profile { websockets: 1, ..server.profile() };
    let figures = load_until(profile, |figures| figures.failed() >= 2).await?;
    assert_eq!(figures.failed_by(Cause::Status5xx), figures.failed(), "{:#?}", figures.failures);
    assert_eq!(figures.websockets.opened, 0);
    server.stop()
}

const TICK: &str = "c\r\nid: 0\ndata\n\n\r\n";

async fn stream(text: String) -> Result<Figures> {
    let server = Server::scripted(move |mut stream| {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{text}");
        async move {
            head(&mut stream).await?;
            Ok(stream.write_all(answer.as_bytes()).await?)
        }
    })?;
    let profile = Profile { events: 1, ..server.profile() };
    let figures = load_until(profile, |figures| figures.events.opened >= 3).await?;
    server.stop()?;
    Ok(figures)
}

#[tokio::test]
async fn event_streams_end_in_four_ways() -> Result<()> {
    let figures = stream(format!("{TICK}b\r\nevent: end\n\r\n0\r\n\r\n")).await?;
    assert!(figures.events.completed >= 2 && figures.failed() == 0, "{figures:#?}");

    let figures = stream(format!("{TICK}b\r\nevent: bye\n\r\n0\r\n\r\n")).await?;
    assert!(figures.events.farewells >= 2 && figures.failed() == 0, "{figures:#?}");

    let figures = stream(format!("{TICK}0\r\n\r\n")).await?;
    assert!(figures.events.ended_early >= 2 && figures.failed() == 0, "{figures:#?}");

    let figures = stream(TICK.to_owned()).await?;
    assert!(figures.events.cut >= 2, "{figures:#?}");
    assert_eq!(figures.failed_by(Cause::EventsCut), figures.failed());
    Ok(())
}

#[tokio::test]
async fn a_missing_tick_is_a_loss() -> Result<()> {
    let figures = stream(format!("{TICK}6\r\nid: 2\n\r\n0\r\n\r\n")).await?;
    assert!(figures.failed_by(Cause::Corrupt) >= 2, "{figures:#?}");
    Ok(())
}
