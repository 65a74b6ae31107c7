//! What can go wrong at the edge, for its process and for the client of its control socket.
//!
//! A [`Refusal`] travels over the control socket as it is; the client gives it back as [`EdgeError::Refused`], except
//! for the fence, which has a variant of its own because a caller must stop there.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use serde::{Deserialize, Serialize};

/// What an edge or its client could not do.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// Somebody with a newer lease has the environment. Whoever gets this must change nothing more.
    #[error(
        "the edge refused a call for {key} with generation {given}: it has seen generation {seen}; another engine holds the lease now"
    )]
    Fenced {
        /// The environment.
        key: EnvironmentKey,
        /// The generation of the refused call.
        given: Generation,
        /// The highest generation that the edge has seen.
        seen: Generation,
    },
    /// The edge understood the call and did not do it; nothing was changed.
    #[error(transparent)]
    Refused(Refusal),
    /// Nobody listens on the control socket.
    #[error("no edge answers on {}: start it with `bascule edge`", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The edge went away before it answered; whether it did what was asked is unknown: ask for its state.
    #[error("the edge went away before it answered `{call}`")]
    Gone {
        /// The call.
        call: &'static str,
    },
    /// No answer in time; whether it was done is unknown: ask for the edge's state.
    #[error("the edge did not answer `{call}` within {limit:?}")]
    TimedOut {
        /// The call.
        call: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The other side of the control socket speaks another language.
    #[error("the control socket carried something that this version does not understand: {detail}")]
    Protocol {
        /// What.
        detail: String,
    },
    /// Another edge is starting with the same state folder.
    #[error("another edge is starting in {} and has not finished", path.display())]
    StartLocked {
        /// The lock file.
        path: PathBuf,
    },
    /// The operating system refused something.
    #[error("{doing}")]
    Io {
        /// What was being done, as in "writing the route snapshot /…".
        doing: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl EdgeError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

impl From<Refusal> for EdgeError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Fenced { key, given, seen } => Self::Fenced { key, given, seen },
            other => Self::Refused(other),
        }
    }
}

/// Why the edge did not do what it was asked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// See [`EdgeError::Fenced`].
    #[error("generation {given} is too old for {key}: {seen} was seen")]
    Fenced {
        /// The environment.
        key: EnvironmentKey,
        /// The caller's.
        given: Generation,
        /// The highest one seen.
        seen: Generation,
    },
    /// The edge has nothing under that name.
    #[error("the edge knows no environment {key}: put a slot first")]
    UnknownEnvironment {
        /// The name.
        key: EnvironmentKey,
    },
    /// The slot does not hold that release.
    #[error("slot {slot} of {key} does not hold release {release}: put it there first")]
    NotInSlot {
        /// The environment.
        key: EnvironmentKey,
        /// The slot.
        slot: Slot,
        /// The release that was asked for.
        release: ReleaseId,
    },
    /// The slot is empty.
    #[error("slot {slot} of {key} is empty")]
    EmptySlot {
        /// The environment.
        key: EnvironmentKey,
        /// The slot.
        slot: Slot,
    },
    /// The slot has the traffic: switch away first.
    #[error("slot {slot} of {key} is live: switch the traffic away first")]
    SlotLive {
        /// The environment.
        key: EnvironmentKey,
        /// The slot.
        slot: Slot,
    },
    /// The live release is not the one that the caller expected.
    #[error("the live release of {key} is {}, not {}: read the state and plan again", named(.live.as_ref()), named(.expected.as_ref()))]
    NotAsExpected {
        /// The environment.
        key: EnvironmentKey,
        /// What the caller took for live.
        expected: Option<ReleaseId>,
        /// What is live.
        live: Option<ReleaseId>,
    },
    /// Another environment has that door.
    #[error("{other} already serves {door}: choose another address, host or path for {key}")]
    RouteTaken {
        /// Who asked.
        key: EnvironmentKey,
        /// Who has it.
        other: EnvironmentKey,
        /// Host, path and address, in words.
        door: String,
    },
    /// The route itself makes no sense.
    #[error("the route of {key} cannot be used: {why}")]
    BadRoute {
        /// The environment.
        key: EnvironmentKey,
        /// What is wrong with it.
        why: String,
    },
    /// The slot got the traffic back while it was being drained.
    #[error("slot {slot} of {key} got the traffic back while it was drained")]
    DrainOvertaken {
        /// The environment.
        key: EnvironmentKey,
        /// The slot.
        slot: Slot,
    },
    /// A newer edge is taking over: connect again and repeat the call.
    #[error("this edge is handing over to a new one: connect again and repeat the call")]
    HandingOver,
    /// No socket for that address is held.
    #[error("the edge holds no listening socket for {address}")]
    UnknownListener {
        /// The address.
        address: SocketAddr,
    },
    /// What was sent along is not a listening socket.
    #[error("what was given for {address} is not a listening TCP socket")]
    NotAListener {
        /// The address.
        address: SocketAddr,
    },
    /// The snapshot could not be written, so nothing was changed.
    #[error("the route snapshot could not be written, so nothing was changed: {why}")]
    NotPersisted {
        /// The system's reason.
        why: String,
    },
    /// The call did not parse.
    #[error("the edge does not understand the call: {why}")]
    BadCall {
        /// What is wrong.
        why: String,
    },
}

fn named(release: Option<&ReleaseId>) -> &str {
    release.map_or("nobody", ReleaseId::as_str)
}
