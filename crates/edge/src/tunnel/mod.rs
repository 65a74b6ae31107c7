//! Upgraded connections: bytes both ways until one side ends, or the drain deadline comes.

pub(crate) mod pipe;
pub(crate) mod websocket;

use bytes::Bytes;
use http::HeaderValue;
use tokio::net::TcpStream;

use crate::upstream::balance::Load;
use crate::upstream::claim::Claim;

/// What is spoken after the upgrade, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RFC 6455: can be told to go.
    WebSocket,
    /// Something else: can only be cut.
    Other,
}

impl Kind {
    /// By the `Upgrade` field.
    pub(crate) fn of(protocol: &HeaderValue) -> Self {
        if protocol.as_bytes().eq_ignore_ascii_case(b"websocket") { Self::WebSocket } else { Self::Other }
    }
}

/// The instance's half of an upgraded connection, until the client's half is free as well.
#[derive(Debug)]
pub(crate) struct PendingTunnel {
    pub(crate) upstream: TcpStream,
    /// What the instance sent behind its 101.
    pub(crate) early: Bytes,
    pub(crate) claim: std::rc::Rc<Claim>,
    /// Counts on the instance as long as the tunnel is open.
    pub(crate) load: Load,
    pub(crate) kind: Kind,
}
