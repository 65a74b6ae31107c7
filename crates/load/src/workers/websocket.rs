//! WebSockets: each echoes four times a second and watches for how it ends. A close frame is a polite end, after which a
//! new one is opened; an end without one is a cut.

use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, handshake::client::generate_key};

use super::Stop;
use crate::answer::status_detail;
use crate::cause::{self, Lost};
use crate::client::{Target, connect};
use crate::{Cause, Kind};

const ECHO_EACH: Duration = Duration::from_millis(250);
/// How long the other side may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);
/// RFC 6455, 7.1.5: stands for a close frame without a code.
const NO_CODE: u16 = 1005;

type Socket = WebSocketStream<TcpStream>;

/// How a socket ended.
enum Ended {
    Closed(u16),
    Left,
    Failed(Cause, String),
}

pub(super) async fn run(target: Rc<Target>, mut stop: Stop) {
    let recorder = &target.recorder;
    while !stop.told() {
        recorder.started(Kind::Websocket);
        let ended = match open(&target).await {
            Ok(Some(socket)) => {
                recorder.websockets(|sockets| sockets.opened += 1);
                let ended = converse(socket, &target, &mut stop).await;
                recorder.websockets(|sockets| match &ended {
                    Ended::Closed(code) => *sockets.closed.entry(*code).or_default() += 1,
                    Ended::Left => sockets.left += 1,
                    Ended::Failed(..) => sockets.cut += 1,
                });
                ended
            }
            Ok(None) => {
                recorder.injected(Kind::Websocket);
                continue;
            }
            Err(Lost { cause, detail, .. }) => Ended::Failed(cause, detail),
        };
        match ended {
            Ended::Closed(_) | Ended::Left => recorder.ok(Kind::Websocket),
            Ended::Failed(cause, detail) => {
                recorder.failed(Kind::Websocket, cause, detail);
                stop.breath().await;
            }
        }
    }
}

/// Connects and shakes hands; `None` when a fault of the application answered.
async fn open(target: &Target) -> Result<Option<Socket>, Lost> {
    let stream = connect(target).await?;
    let lost = |cause, detail| Lost { cause, detail, sent: cause::Sent::Perhaps };
    let request = http::Request::builder()
        .uri(format!("ws://{}/ws", target.host.to_str().unwrap_or_default()))
        .header("host", &target.host)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", generate_key())
        .body(())
        .map_err(|error| lost(Cause::Protocol, error.to_string()))?;
    match timeout(target.patience, tokio_tungstenite::client_async(request, stream)).await {
        Ok(Ok((socket, response))) => {
            target.recorder.answered(response.headers());
            Ok(Some(socket))
        }
        Ok(Err(Error::Http(response))) => {
            let fault = response.headers().contains_key("x-shop-fault");
            let status = response.status();
            if fault && status.is_server_error() {
                return Ok(None);
            }
            let cause = if status.is_server_error() { Cause::Status5xx } else { Cause::StatusOther };
            Err(lost(cause, status_detail(status, response.body().as_deref().unwrap_or_default())))
        }
        Ok(Err(error)) => {
            Err(lost(handshake_cause(&error), format!("shaking hands: {}", cause::chain(&error))))
        }
        Err(_) => Err(Lost::timeout("handshake")),
    }
}

fn handshake_cause(error: &Error) -> Cause {
    match error {
        Error::Io(error) => cause::of_io(error),
        Error::ConnectionClosed | Error::AlreadyClosed => Cause::Closed,
        // tungstenite's word for an end of the stream in the middle of the handshake.
        Error::Protocol(error) if error.to_string().contains("not finished") => Cause::Closed,
        _ => Cause::Protocol,
    }
}

async fn converse(mut socket: Socket, target: &Target, stop: &mut Stop) -> Ended {
    let mut beats = interval(ECHO_EACH);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0_u64;
    let mut waiting: Option<(String, Instant)> = None;
    let mut tick = None;
    loop {
        tokio::select! {
            () = stop.wait() => {
                let _ = timeout(FAREWELL, leave(socket)).await;
                return Ended::Left;
            }
            _ = beats.tick() => match &waiting {
                Some((_, since)) if since.elapsed() > target.patience => {
                    return Ended::Failed(Cause::Timeout, "an echo did not come back in time".to_owned());
                }
                Some(_) => {}
                None => {
                    let text = format!("echo {number}");
                    number += 1;
                    // An error shows again in reading, where it is told whether it was a cut.
                    let _ = socket.send(Message::text(text.clone())).await;
                    waiting = Some((text, Instant::now()));
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if waiting.as_ref().is_some_and(|(expected, _)| *expected == text.as_str()) {
                        waiting = None;
                        target.recorder.websockets(|sockets| sockets.echoed += 1);
                    } else if let Some(found) = unexpected(text.as_str(), &mut tick) {
                        return Ended::Failed(Cause::Corrupt, found);
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(NO_CODE, |frame| u16::from(frame.code));
                    let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = socket.next().await {} }).await;
                    return closed(code);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    return Ended::Failed(Cause::WebsocketCut, cause::chain(&error));
                }
                None => return Ended::Failed(Cause::WebsocketCut, "ended without a close frame".to_owned()),
            },
        }
    }
}

/// What is wrong with a message that is no echo, if anything: ticks must follow each other.
fn unexpected(text: &str, last: &mut Option<u64>) -> Option<String> {
    if text.starts_with(r#"{"hello":"#) {
        return None;
    }
    let tick = text.strip_prefix(r#"{"tick":"#).and_then(|rest| rest.strip_suffix('}'));
    let Some(tick) = tick.and_then(|digits| digits.parse::<u64>().ok()) else {
        return Some(format!("neither echo nor tick: {}", text.chars().take(80).collect::<String>()));
    };
    let expected = last.map_or(0, |last| last + 1);
    *last = Some(tick);
    (tick != expected).then(|| format!("tick {tick} came where {expected} was expected"))
}

/// A code of RFC 6455, 7.4: going, restarting and being done are polite; the others tell of an error.
fn closed(code: u16) -> Ended {
    match code {
        1000 | 1001 | NO_CODE | 1012 => Ended::Closed(code),
        other => Ended::Failed(Cause::WebsocketCut, format!("closed with the code {other}")),
    }
}

async fn leave(mut socket: Socket) {
    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
        code: CloseCode::Normal,
        reason: "the load ends".into(),
    };
    let _ = socket.close(Some(frame)).await;
    while let Some(Ok(_)) = socket.next().await {}
}
