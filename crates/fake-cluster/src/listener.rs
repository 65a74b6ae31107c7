//! The cluster as an HTTP/1.1 server of this machine, for programs.

use std::net::SocketAddr;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::service::answer;
use crate::shared::Shared;

/// A listener that ends with this value.
#[derive(Debug)]
pub(crate) struct Listener {
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// # Panics
/// When there is no free port, or no runtime.
pub(crate) async fn listen(shared: Shared) -> Listener {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("the address");
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(shared.clone(), request));
                // A connection that ends in an error is the client's affair, or was wanted.
                drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    Listener { address, accepting }
}
