//! `GET /ws`: a WebSocket that greets with who it is, echoes what it is sent and ticks. When the shop stops it says so
//! with close code 1001 and waits for the other side to agree, for two seconds at most.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::app::Application;

const TICK: Duration = Duration::from_millis(500);
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) async fn open(State(application): State<Arc<Application>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        // Held to the end of the connection: the stop waits for it.
        let _open = application.open.subscribe();
        // An error is a client that went away; there is nobody to tell.
        let _ = converse(socket, &application).await;
    })
}

async fn converse(mut socket: WebSocket, application: &Application) -> Result<(), axum::Error> {
    let greeting = serde_json::json!({ "hello": application.identity }).to_string();
    socket.send(Message::text(greeting)).await?;
    let mut stopping = application.stopping.clone();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0_u64;
    loop {
        tokio::select! {
            () = stopping.wait() => return farewell(socket).await,
            _ = ticks.tick() => {
                socket.send(Message::text(format!(r#"{{"tick":{number}}}"#))).await?;
                number += 1;
            }
            message = socket.recv() => match message.transpose()? {
                Some(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).await?,
                // Pings are answered underneath, and so is a close, whose answer leaves with the next read.
                Some(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => {}
                None => return Ok(()),
            },
        }
    }
}

async fn farewell(mut socket: WebSocket) -> Result<(), axum::Error> {
    let close = CloseFrame { code: close_code::AWAY, reason: "the shop stops".into() };
    socket.send(Message::Close(Some(close))).await?;
    let answer = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = timeout(FAREWELL, answer).await;
    Ok(())
}
