//! Why a request was lost, and reading that out of the errors of hyper, h2 and the system.

use std::error::Error;
use std::io;

use serde::{Deserialize, Serialize};

/// Why a request, body, stream or socket counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection could be made.
    Refused,
    /// The connection was reset before the answer's head.
    Reset,
    /// The connection was closed before the answer's head.
    Closed,
    /// Nothing came for as long as the profile's patience.
    Timeout,
    /// Answered with 5xx, and not by a fault of the application.
    Status5xx,
    /// Answered with anything else than success.
    StatusOther,
    /// A body ended before its end.
    Truncated,
    /// A body or an echo was not what it should be.
    Corrupt,
    /// What came was not HTTP or not WebSocket.
    Protocol,
    /// A WebSocket ended without a close frame, or with the code of an error.
    WebsocketCut,
    /// An event stream broke off in the middle of its body.
    EventsCut,
}

/// What became of an attempt whose answer's head never came.
pub(crate) struct Lost {
    pub(crate) cause: Cause,
    pub(crate) detail: String,
    pub(crate) sent: Sent,
}

/// Whether the server can have acted on the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It never left, or the server said that it did not look at it.
    No,
    /// It, or a part of it, was written.
    Perhaps,
}

impl Lost {
    /// Reads a hyper error that came instead of an answer's head.
    pub(crate) fn read(error: &hyper::Error, returned: bool) -> Self {
        let refused = find::<h2::Error>(error).is_some_and(never_processed);
        let sent = if returned || refused { Sent::No } else { Sent::Perhaps };
        Self { cause: cause_of(error), detail: chain(error), sent }
    }

    pub(crate) fn timeout(what: &str) -> Self {
        Self { cause: Cause::Timeout, detail: format!("no {what} in time"), sent: Sent::Perhaps }
    }
}

/// RFC 9113, 6.8 and 8.7: streams above the last one of a GOAWAY, and those refused, were not acted on.
fn never_processed(error: &h2::Error) -> bool {
    match error.reason() {
        Some(h2::Reason::REFUSED_STREAM) => error.is_remote(),
        Some(h2::Reason::NO_ERROR) => error.is_remote() && error.is_go_away(),
        _ => false,
    }
}

fn cause_of(error: &hyper::Error) -> Cause {
    if let Some(io) = find::<io::Error>(error) {
        return of_io(io);
    }
    if let Some(h2) = find::<h2::Error>(error) {
        return match h2.get_io() {
            Some(io) => of_io(io),
            None if h2.is_reset() => Cause::Reset,
            None if h2.is_go_away() => Cause::Closed,
            None => Cause::Protocol,
        };
    }
    if error.is_parse() { Cause::Protocol } else { Cause::Closed }
}

pub(crate) fn of_io(error: &io::Error) -> Cause {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, NotConnected, UnexpectedEof,
    };
    match error.kind() {
        ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected => Cause::Reset,
        UnexpectedEof => Cause::Closed,
        InvalidData => Cause::Protocol,
        _ => Cause::Closed,
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The error and what lies under it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
