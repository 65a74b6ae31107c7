//! The shop: a small real web application, made to be deployed by Bascule.
//!
//! It has what a deploy can hurt: a page, an API with a write, answers that take seconds, server-sent events,
//! WebSockets, and long bodies in both directions. Every answer names the version, release, slot and instance that
//! gave it, so that a client can tell who served it. On SIGTERM it stops accepting, ends what is in flight and
//! leaves with code 0; with `SHOP_LAST_CALL_MS` it answers for so long first, each time for the last time on that connection.
//!
//! # Paths
//!
//! | path | what |
//! |---|---|
//! | `GET /` | a page for people: version, release, slot, instance, live ticks |
//! | `GET /health` | JSON: `status`, `version`, `checks`; 200 or 503 |
//! | `GET /version` | JSON: version, release, slot, instance |
//! | `GET /api/users` | JSON: `{"users": […]}` |
//! | `GET`, `POST /api/orders` | orders of this instance; a new one is `{"item": "…", "quantity": 2}` and answered 201 |
//! | `GET /slow?ms=2000` | answers after that many milliseconds (at most 60 000) |
//! | `GET /events?count=N&interval_ms=200` | server-sent `tick` events; then `end`, or `bye` when the shop stops |
//! | `GET /ws` | WebSocket: greets with the version, echoes, sends `{"tick":n}` each 500 ms; close 1001 at the stop |
//! | `GET /download?bytes=20000000` | that many bytes of [`content`], with `Content-Length` |
//! | `POST /upload` | reads the body as a stream; answers `{"bytes":…, "sha256":"…"}` |
//! | any `/echo` | method, path, headers and the first 64 KiB of the body, as JSON |
//!
//! # Faults
//!
//! Environment variables make it misbehave; see [`faults`] for all of them. An answer that a fault made carries
//! `x-shop-fault: NAME`, so that a client can tell an injected error from a lost request.

mod app;
pub mod content;
mod error;
pub mod faults;
mod identity;
mod log;
mod options;
mod pages;
mod program;
mod serve;
mod stop;

pub use error::ShopError;
pub use faults::Faults;
pub use identity::Identity;
pub use options::Options;
pub use program::program;
pub use serve::{Ended, run, serve};
