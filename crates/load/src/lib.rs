//! A load client for deploys: it keeps requests, streams, long bodies and WebSockets going against an address and
//! counts, for each kind, what was answered and what was lost.
//!
//! What it holds to:
//! - An error that the application made on purpose (`x-shop-fault` in the answer) is *injected*, not lost.
//! - A WebSocket or event stream that is ended with a farewell is no failure; one that is cut is.
//! - A request is sent again only where every careful client would (see [`Retry`]), and each time is counted.
//! - It speaks to the paths of the example shop; plain requests can be pointed at any path.
//!
//! It runs on one thread of its own, so that measuring does not depend on the caller's runtime.

mod answer;
mod cause;
mod client;
mod content;
mod error;
mod figures;
mod histogram;
mod load;
mod pace;
mod payload;
mod profile;
mod record;
mod workers;

pub use cause::Cause;
pub use error::LoadError;
pub use figures::{
    EventFigures, Failure, Figures, Kind, KindFigures, Latency, Retries, Version, WebsocketFigures,
};
pub use histogram::Histogram;
pub use load::{Load, start};
pub use profile::{Profile, Retry};
