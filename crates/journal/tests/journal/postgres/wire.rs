//! A way to a server on which connections break where a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where the next COMMIT ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Nowhere.
    Nowhere = 0,
    /// Before the server has seen it.
    BeforeCommit = 1,
    /// When the server has answered it, and the answer has not come through.
    AfterCommit = 2,
}

/// The way.
#[derive(Clone)]
pub struct Wire {
    pub address: SocketAddr,
    next: Arc<AtomicU8>,
    broken: Arc<AtomicU32>,
}

impl Wire {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire =
            Self { address: listener.local_addr().unwrap(), next: Arc::default(), broken: Arc::default() };
        let kept = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                    tokio::spawn(kept.clone().carry(client, server));
                }
            }
        });
        wire
    }

    /// The same address over this way.
    pub fn instead_of(&self, address: &str, port: u16) -> String {
        address.replace(&format!("127.0.0.1:{port}"), &self.address.to_string())
    }

    /// Breaks the connection of the next COMMIT.
    pub fn break_next(&self, at: Break) {
        self.next.store(at as u8, Ordering::SeqCst);
    }

    /// How many connections were broken.
    pub fn broken(&self) -> u32 {
        self.broken.load(Ordering::SeqCst)
    }

    async fn carry(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
        let mut swallow = false;
        loop {
            tokio::select! {
                read = client.read(&mut from_client) => {
                    let Ok(1..) = read else { return };
                    let bytes = &from_client[..read.unwrap()];
                    // A statement ends with a zero byte; `BEGIN … READ COMMITTED` is none of these.
                    if bytes.windows(7).any(|word| word == b"COMMIT\0") {
                        let at = self.next.swap(Break::Nowhere as u8, Ordering::SeqCst);
                        if at == Break::BeforeCommit as u8 {
                            self.broken.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                        swallow = at == Break::AfterCommit as u8;
                    }
                    if server.write_all(bytes).await.is_err() {
                        return;
                    }
                }
                read = server.read(&mut from_server) => {
                    let Ok(1..) = read else { return };
                    if swallow {
                        self.broken.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    if client.write_all(&from_server[..read.unwrap()]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
