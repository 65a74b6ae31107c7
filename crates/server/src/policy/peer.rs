//! Who is at the other end of a socket: the kernel says it, not the request.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{UnixListener, UnixStream};

/// A user of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The user's number; that of nobody where the kernel does not say it.
    pub(crate) uid: u32,
}

impl Peer {
    pub(crate) fn of(stream: &UnixStream) -> Self {
        Self { uid: stream.peer_cred().map_or(NOBODY, |credentials| credentials.uid()) }
    }
}

/// Whom the kernel gives for who is not known.
const NOBODY: u32 = 65_534;

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self::of(stream.io())
    }
}
