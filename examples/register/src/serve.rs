//! Running the register: listen, serve, stop when told.

use std::future::Future;
use std::net::SocketAddr;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Options, RegisterError, pages};

/// Runs the register on a runtime of its own until SIGTERM.
///
/// # Errors
/// When the port cannot be had, or the system refuses a runtime or a signal handler.
pub fn run(options: Options) -> Result<(), RegisterError> {
    let set_up = |what| move |source| RegisterError::SetUp { what, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(set_up("the runtime"))?.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(set_up("the signal handler"))?;
        let address = SocketAddr::from((options.host, options.port));
        let listener =
            TcpListener::bind(address).await.map_err(|source| RegisterError::Listen { address, source })?;
        serve(listener, options, async move {
            let _ = terminate.recv().await;
        })
        .await
    })
}

/// Serves on a listener that is already bound, until `stop` resolves and what was in flight has ended.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RegisterError> {
    let listener = listener.tap_io(|connection| {
        // Small answers must not wait for the peer's delayed acknowledgement.
        let _ = connection.set_nodelay(true);
    });
    let server = axum::serve(listener, pages::router(options)).with_graceful_shutdown(stop);
    server.await.map_err(|source| RegisterError::SetUp { what: "the server", source })
}
