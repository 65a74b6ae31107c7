//! Accepts connections and gives each to the worker with the fewest.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::http::errors::TOO_MANY_CONNECTIONS;
use crate::table::ListenerIndex;
use crate::worker::thread::{Command, WorkerHandle};

/// How long to wait when the system is out of descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// How long a refused client may take to read why, and how many may do so at the same time.
const LINGER: Duration = Duration::from_secs(1);
const LINGERING_AT_MOST: usize = 256;

/// Shared by the acceptors of all listeners.
pub(crate) struct Distributor {
    pub(crate) workers: Vec<WorkerHandle>,
    pub(crate) connections_at_most: usize,
    turn: Cell<usize>,
    lingering: Rc<Cell<usize>>,
}

impl Distributor {
    pub(crate) fn new(workers: Vec<WorkerHandle>, connections_at_most: usize) -> Self {
        Self { workers, connections_at_most, turn: Cell::new(0), lingering: Rc::default() }
    }

    /// Client connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.connections.load(Ordering::Relaxed)).sum()
    }

    /// Tells all workers the same.
    pub(crate) fn tell_all(&self, command: impl Fn() -> Command) {
        for worker in &self.workers {
            worker.tell(command());
        }
    }

    fn give(&self, socket: OwnedFd, peer: SocketAddr, listener: ListenerIndex) {
        if self.connections() >= self.connections_at_most {
            self.refuse(socket);
            return;
        }
        self.turn.set(self.turn.get().wrapping_add(1));
        let begin = self.turn.get() % self.workers.len();
        let (before, after) = self.workers.split_at(begin);
        let fewest =
            after.iter().chain(before).min_by_key(|worker| worker.connections.load(Ordering::Relaxed));
        if let Some(worker) = fewest {
            worker.tell(Command::Serve { stream: socket.into(), peer, listener });
        }
    }

    /// Says so, and lets the client go.
    fn refuse(&self, socket: OwnedFd) {
        // The answer fits any socket's buffer; a client that is gone already needs none.
        let _ = send(&socket, TOO_MANY_CONNECTIONS, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        let _ = shutdown(&socket, Shutdown::Write);
        if self.lingering.get() < LINGERING_AT_MOST {
            // Closing at once would destroy the answer on its way when the client has sent something.
            let lingering = Rc::clone(&self.lingering);
            lingering.set(lingering.get() + 1);
            tokio::task::spawn_local(async move {
                sleep(LINGER).await;
                drop(socket);
                lingering.set(lingering.get() - 1);
            });
        }
    }
}

/// Accepts on a socket until the task is ended.
pub(crate) async fn accept(distributor: Rc<Distributor>, socket: OwnedFd, listener: ListenerIndex) {
    let Ok(socket) = TcpListener::from_std(socket.into()) else { return };
    loop {
        let accepted = socket.accept().await;
        match accepted.and_then(|(client, peer)| Ok((client.into_std()?, peer))) {
            Ok((client, peer)) => distributor.give(client.into(), peer, listener),
            Err(error) => match Errno::from_io_error(&error) {
                // The client gave up while it waited: this concerns nobody else.
                Some(Errno::CONNABORTED | Errno::INTR | Errno::PROTO | Errno::PERM | Errno::NETDOWN) => {}
                // Out of descriptors or memory, most likely: those that wait are not lost.
                _ => sleep(EXHAUSTED_PAUSE).await,
            },
        }
    }
}
