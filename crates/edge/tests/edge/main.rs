//! The edge as a process, with real sockets.
//!
//! The edge under test is this binary, started again with [`support::edge::STATE`] set: then the one test `edge_process`
//! is an edge, and all it does is run until it is told to leave.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod basics;
mod counts;
mod drain;
mod exchanges;
mod framing;
mod hand_over;
mod health;
mod http2;
mod limits;
mod snapshot;
mod support;
mod switch;
mod upgrade;
mod ways;

#[test]
fn edge_process() {
    support::edge::run_if_asked();
}
