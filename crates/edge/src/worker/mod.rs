//! A worker thread: one single-threaded runtime, its share of the client connections, its own connections to the instances.

pub(crate) mod clock;
pub(crate) mod date;
pub(crate) mod request_id;
pub(crate) mod thread;
pub(crate) mod watch;
