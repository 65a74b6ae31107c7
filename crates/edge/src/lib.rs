//! The data plane: a reverse proxy in a process of its own, and the client of its control socket.
//!
//! One control thread accepts connections, answers the control socket and keeps the snapshot; each worker thread serves its
//! share of the connections alone. A switch is one pointer, exchanged after the snapshot with it is on disk. The edge decides
//! nothing: which release is live is what the control plane said last, with a generation that only grows.

mod control;
mod error;
mod http;
pub mod metrics;
mod options;
mod registry;
mod release;
mod route;
mod snapshot;
mod table;
mod tunnel;
mod upstream;
mod worker;
mod write;

pub use control::client::{EdgeClient, wait_ready};
pub use control::protocol::{
    DrainReport, EdgeState, EnvironmentState, InstanceState, SlotState, SwitchReceipt,
};
pub use control::start::run;
pub use error::{EdgeError, Refusal};
pub use metrics::histogram::Histogram;
pub use metrics::report::{Counts, ReleaseMetrics, ServiceMetrics};
pub use options::{EdgeOptions, Limits, WebSocketClose, socket_path};
pub use route::{Health, InstanceRoute, ServiceRoute, SlotRoute};
pub use snapshot::Isolated;
