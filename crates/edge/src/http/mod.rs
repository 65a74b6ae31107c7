//! HTTP as the client speaks it: reading strictly, forwarding, answering.

pub(crate) mod body;
pub(crate) mod chunk;
pub(crate) mod client_io;
pub(crate) mod direct;
pub(crate) mod errors;
pub(crate) mod exchange;
pub(crate) mod forward;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod passed;
pub(crate) mod provenance;
pub(crate) mod request_head;
pub(crate) mod retry;
pub(crate) mod server;
