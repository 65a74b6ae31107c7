//! Edges, instances, clients and load for the tests.

pub mod client;
pub mod edge;
pub mod instance;
pub mod load;
pub mod scripted;
pub mod websocket;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

/// How long a test waits for something that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a question is answered with yes.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut question: F) {
    let asking = async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "waited in vain: {what}");
}

/// An address that refuses: nobody listens there, and nobody else gets it while this lives.
pub struct Nobody(TcpSocket);

impl Nobody {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// From now on somebody does.
    pub fn listen(self) -> TcpListener {
        self.0.listen(128).unwrap()
    }
}
