//! The listening sockets that the edge holds and accepts on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::task::JoinHandle;

use crate::error::Refusal;

/// How long a client may be silent before the system asks whether it is still there, and how it asks.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// A held socket and the task that accepts on it.
struct Held {
    socket: OwnedFd,
    accepting: Option<JoinHandle<()>>,
}

/// All of them, by address.
#[derive(Default)]
pub(crate) struct Listeners {
    held: BTreeMap<SocketAddr, Held>,
}

impl Listeners {
    /// Whether there is one for the address.
    pub(crate) fn holds(&self, address: SocketAddr) -> bool {
        self.held.contains_key(&address)
    }

    /// Takes a socket that [`check`] found good, with the task that accepts on it.
    pub(crate) fn insert(&mut self, address: SocketAddr, socket: OwnedFd, accepting: JoinHandle<()>) {
        self.held.insert(address, Held { socket, accepting: Some(accepting) });
    }

    /// Lets one go.
    pub(crate) fn close(&mut self, address: SocketAddr) -> Result<(), Refusal> {
        self.held.remove(&address).map(drop).ok_or(Refusal::UnknownListener { address })
    }

    /// Copies of some, from a place in their order on.
    pub(crate) fn copies(&self, from: usize, count: usize) -> Vec<(SocketAddr, OwnedFd)> {
        let chosen = self.held.iter().skip(from).take(count);
        chosen.filter_map(|(address, held)| Some((*address, held.socket.try_clone().ok()?))).collect()
    }

    /// Lets all go: new connections are for whoever else holds the sockets.
    pub(crate) fn close_all(&mut self) {
        self.held.clear();
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.held.keys().copied().collect()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.take() {
            task.abort();
        }
    }
}

/// Whether a descriptor is a listening TCP socket; sets on it what its connections inherit.
pub(crate) fn check(address: SocketAddr, socket: &OwnedFd) -> Result<(), Refusal> {
    let no_listener = |_| Refusal::NotAListener { address };
    let socket = socket.as_fd();
    if !sockopt::socket_acceptconn(socket).map_err(no_listener)? {
        return Err(Refusal::NotAListener { address });
    }
    sockopt::set_tcp_nodelay(socket, true).map_err(no_listener)?;
    sockopt::set_socket_keepalive(socket, true).map_err(no_listener)?;
    sockopt::set_tcp_keepidle(socket, KEEPALIVE_IDLE).map_err(no_listener)?;
    sockopt::set_tcp_keepintvl(socket, KEEPALIVE_INTERVAL).map_err(no_listener)?;
    sockopt::set_tcp_keepcnt(socket, KEEPALIVE_PROBES).map_err(no_listener)?;
    rustix::io::ioctl_fionbio(socket, true).map_err(no_listener)
}
