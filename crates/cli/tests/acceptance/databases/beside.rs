//! A register of another version on the same database, away from the door: an old instance whose last requests are under
//! way, or a new one that is being looked at.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// A register in this process; ends when it is dropped.
pub struct Beside {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Beside {
    /// The version that keeps names in that column.
    pub fn start(database: &str, column: &str) -> Self {
        let options = register::Options::read(|name| match name {
            "DATABASE_URL" => Some(database.to_owned()),
            "COLUMN" => Some(column.to_owned()),
            _ => None,
        });
        let options = options.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let stopped = async move {
                    let _ = stopped.await;
                };
                register::serve(listener, options, stopped).await.unwrap();
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
