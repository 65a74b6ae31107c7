//! Running the shop: boot, listen on loopback, serve HTTP/1.1 and HTTP/2 (prior knowledge), stop when told.
//!
//! One thread is enough: fifty instances must be able to stand side by side on a small machine.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::{self, Application};
use crate::faults::{BootEnd, IgnoreSigterm};
use crate::stop::Stop;
use crate::{Options, ShopError, log};

/// How a run of the shop came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Told to stop; everything in flight was ended.
    Stopped,
    /// A fault asked it to leave at once with this exit code.
    ExitedAtStart(u8),
    /// A fault asked it to crash: the caller should abort the process.
    Crashed,
}

/// Runs the shop on a runtime of its own until SIGTERM or SIGINT.
///
/// # Errors
/// When the port cannot be had, or the system refuses a runtime or a signal handler.
pub fn run(options: Options) -> Result<Ended, ShopError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ShopError::SetUp { what: "the runtime", source })?;
    runtime.block_on(async move {
        // The handlers stand before the boot, so that a stop in the middle of it is a stop and not a kill.
        let stop = stop_signal(options.faults.ignore_sigterm)?;
        tokio::pin!(stop);
        match tokio::select! {
            end = options.faults.boot() => end,
            () = &mut stop => BootEnd::Exit(0),
        } {
            BootEnd::Ready => {}
            BootEnd::Exit(0) => return Ok(Ended::Stopped),
            BootEnd::Exit(code) => return Ok(Ended::ExitedAtStart(code)),
        }
        let port = options.faults.wrong_port.choose(options.port);
        let address = SocketAddr::from((options.host, port));
        let listener =
            TcpListener::bind(address).await.map_err(|source| ShopError::Listen { address, source })?;
        let crash = options.faults.crash.clone();
        tokio::select! {
            ended = serve(listener, options, stop) => ended,
            () = crash.wait() => Ok(Ended::Crashed),
        }
    })
}

/// Serves on a listener that is already bound, until `stop` resolves and what was in flight has ended. For tests and
/// for programs that have a runtime already; the faults of the boot and of the process (`EXIT_AT_START`, `BOOT_MS`,
/// `CRASH_AFTER_MS`, `WRONG_PORT`, `IGNORE_SIGTERM`) belong to [`run`] and do nothing here.
///
/// # Errors
/// When the listener has no address any more.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    stop: impl Future<Output = ()>,
) -> Result<Ended, ShopError> {
    let address =
        listener.local_addr().map_err(|source| ShopError::SetUp { what: "the listening socket", source })?;
    log::line(&format!("version {} listening on {address}", options.identity.version));

    let background = options.faults.background();
    // An end that the server waits for: streams and WebSockets watch the first, and are counted by the second.
    let (stopping, stopped) = Stop::channel();
    let (open, _) = watch::channel(());
    let (last_call, called) = Stop::channel();
    let lasts = options.last_call;
    let router = app::router(Application::new(options, called, stopped.clone(), open.clone()));

    let listener = listener.tap_io(|connection| {
        // Small answers must not wait for the peer's delayed acknowledgement.
        let _ = connection.set_nodelay(true);
    });
    let mut told = stopped;
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        told.wait().await;
    });
    let stop = async {
        stop.await;
        if !lasts.is_zero() {
            last_call.send_replace(true);
            log::line("last call: each answer ends its connection");
            tokio::time::sleep(lasts).await;
        }
        log::line("stopping: ending what is in flight");
        stopping.send_replace(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = server => result.map_err(|source| ShopError::SetUp { what: "the server", source })?,
        () = stop => {}
    }
    // Upgraded connections are no longer the server's: wait for them here.
    let _ = tokio::time::timeout(Duration::from_secs(60), open.closed()).await;
    background.abort_all();
    log::line("stopped");
    Ok(Ended::Stopped)
}

fn stop_signal(ignore: IgnoreSigterm) -> Result<impl Future<Output = ()>, ShopError> {
    let set_up = |source| ShopError::SetUp { what: "the signal handlers", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(set_up)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(set_up)?;
    Ok(async move {
        loop {
            let received = tokio::select! {
                received = terminate.recv() => received,
                received = interrupt.recv() => received,
            };
            match ignore {
                IgnoreSigterm::No => return,
                IgnoreSigterm::Yes if received.is_none() => return,
                IgnoreSigterm::Yes => log::line("told to stop; a fault makes me ignore it"),
            }
        }
    })
}
