//! A WebSocket client.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::PATIENCE;

pub struct WebSocket(WebSocketStream<TcpStream>);

impl WebSocket {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (socket, response) = client_async(format!("ws://{address}/ws"), stream).await?;
        anyhow::ensure!(response.status() == 101, "{}", response.status());
        Ok(Self(socket))
    }

    pub async fn send(&mut self, text: &str) -> Result<(), Error> {
        self.0.send(Message::text(text)).await
    }

    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        timeout(PATIENCE, self.0.next()).await.expect("nothing comes")
    }

    /// Sends a text and waits for its echo.
    pub async fn echo(&mut self, text: &str) -> anyhow::Result<()> {
        self.send(text).await?;
        match self.next().await {
            Some(Ok(Message::Text(echo))) if echo.as_str() == text => Ok(()),
            other => anyhow::bail!("instead of an echo: {other:?}"),
        }
    }

    /// Waits for the Close that has to be the next message, answers it, and sees the stream end in good order.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        let frame = match self.next().await {
            Some(Ok(Message::Close(frame))) => frame,
            other => panic!("instead of a Close: {other:?}"),
        };
        match self.next().await {
            None | Some(Err(Error::ConnectionClosed)) => frame,
            other => panic!("after the Close: {other:?}"),
        }
    }
}
