//! What the worker's tick looks at: client connections, exchanges with instances, tunnels. They note what happens in plain
//! cells; the tick compares times and wakes the few that are over a limit. No request costs a timer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::clock::Millis;
use crate::http::framing::{Framing, Refused};
use crate::http::provenance::Provenance;
use crate::release::Release;
use crate::table::ListenerIndex;
use crate::tunnel::PendingTunnel;
use crate::upstream::claim::Claim;

/// Whether a task that waits has to be told something.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    /// The task that polls now is the one to wake.
    pub(crate) fn listen(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if waker.as_ref().is_none_or(|known| !known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }

    pub(crate) fn ring(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// The protocol that a client connection turned out to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Undecided,
    Http1,
    Http2,
    Tunnel,
}

/// When a connection that the HTTP library serves goes back to the direct way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// As soon as all that came is answered.
    AtOnce,
    /// When it was unused for a while: all its requests are unusual, and each change costs something.
    AfterRest,
}

/// One client connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) listener: ListenerIndex,
    pub(crate) provenance: RefCell<Provenance>,
    pub(crate) framing: RefCell<Framing>,
    pub(crate) speaks: Cell<Speaks>,
    /// Why the last message that was let through was not let through as it was.
    pub(crate) refused: Cell<Option<Refused>>,
    /// Requests that the library gave us.
    pub(crate) served: Cell<u64>,
    /// Requests whose response has not ended.
    pub(crate) active: Cell<u32>,
    /// The last time that bytes came or went.
    pub(crate) progress: Cell<Millis>,
    /// Since when a head is incomplete.
    pub(crate) head_since: Cell<Option<Millis>>,
    /// The head is taking too long: answer 408.
    pub(crate) head_too_slow: Cell<Option<()>>,
    /// Since when bytes wait that the client does not take.
    pub(crate) write_since: Cell<Option<Millis>>,
    /// Since when the connection is only kept to let the client read what was sent.
    pub(crate) linger_since: Cell<Option<Millis>>,
    /// The connection should be looked at: has the client gone while it was waiting?
    pub(crate) look: Cell<Option<()>>,
    pub(crate) back: Cell<Back>,
    /// The connection has to end now.
    pub(crate) cut: Cell<Option<()>>,
    /// What the connection becomes after the response that is being written.
    pub(crate) tunnel: RefCell<Option<PendingTunnel>>,
    /// The connection's task.
    pub(crate) bell: Bell,
    /// Whoever waits in reading while it is not known whether the protocol changes.
    pub(crate) reader: Bell,
}

impl Client {
    pub(crate) fn new(
        listener: ListenerIndex,
        provenance: Provenance,
        framing: Framing,
        now: Millis,
    ) -> Self {
        Self {
            listener,
            provenance: RefCell::new(provenance),
            framing: RefCell::new(framing),
            speaks: Cell::new(Speaks::Undecided),
            refused: Cell::new(None),
            served: Cell::new(0),
            active: Cell::new(0),
            progress: Cell::new(now),
            head_since: Cell::new(None),
            head_too_slow: Cell::new(None),
            write_since: Cell::new(None),
            linger_since: Cell::new(None),
            look: Cell::new(None),
            back: Cell::new(Back::AtOnce),
            cut: Cell::new(None),
            tunnel: RefCell::new(None),
            bell: Bell::default(),
            reader: Bell::default(),
        }
    }

    /// Whether it stands between two requests, and nothing waits to be read or written.
    pub(crate) fn is_unused(&self) -> bool {
        self.active.get() == 0
            && self.head_since.get().is_none()
            && self.write_since.get().is_none()
            && self.linger_since.get().is_none()
            && self.refused.get().is_none()
            && self.framing.borrow().is_at_head()
    }

    /// Whether the library has been given requests and is through with all of them.
    pub(crate) fn is_served(&self) -> bool {
        self.served.get() > 0 && self.served.get() == self.framing.borrow().messages() && self.is_unused()
    }

    /// The next message is read as if it were the first.
    pub(crate) fn begin_anew(&self) {
        self.framing.borrow_mut().begin_anew();
        self.served.set(0);
    }

    /// Ends the connection.
    pub(crate) fn cut(&self) {
        self.cut.set(Some(()));
        self.bell.ring();
    }

    /// What follows a request to upgrade is HTTP/1 after all.
    pub(crate) fn not_upgraded(&self) {
        let mut framing = self.framing.borrow_mut();
        if framing.is_undecided() {
            framing.not_upgraded();
            drop(framing);
            self.reader.ring();
        }
    }
}

/// Why an exchange ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The drain deadline came.
    Drained,
    /// The instance did not answer in time.
    UpstreamTimeout,
    /// The client's body stood still.
    BodyStalled,
}

/// Where an exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The connection is in the pool.
    Idle,
    /// The request was sent, or is being sent.
    AwaitingHead,
    /// The response's body is passing.
    Responding,
}

/// One connection to an instance, and the exchange that is on it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) phase: Cell<Phase>,
    /// The last time that bytes of the request went out.
    pub(crate) sent: Cell<Millis>,
    /// Since when the client has not asked for more of the response.
    pub(crate) client_since: Cell<Option<Millis>>,
    pub(crate) cut: Cell<Option<Cut>>,
    pub(crate) claim: RefCell<Option<Rc<Claim>>>,
    /// Bytes of this exchange's request that the system took.
    pub(crate) written: Cell<u64>,
    /// Whether a byte of its response came.
    pub(crate) answered: Cell<Option<()>>,
    /// The task that the exchange belongs to.
    pub(crate) bell: Bell,
}

impl Exchange {
    pub(crate) fn new() -> Self {
        Self {
            phase: Cell::new(Phase::Idle),
            sent: Cell::new(0),
            client_since: Cell::new(None),
            cut: Cell::new(None),
            claim: RefCell::new(None),
            written: Cell::new(0),
            answered: Cell::new(None),
            bell: Bell::default(),
        }
    }

    /// Ends the exchange.
    pub(crate) fn cut(&self, why: Cut) {
        self.cut.set(Some(why));
        self.bell.ring();
    }

    /// Whether the exchange is one of that release's.
    pub(crate) fn is_on(&self, release: &Arc<Release>) -> bool {
        self.claim.borrow().as_ref().is_some_and(|claim| Arc::ptr_eq(claim.release(), release))
    }
}

/// One upgraded connection.
#[derive(Debug)]
pub(crate) struct OpenTunnel {
    pub(crate) release: Arc<Release>,
    pub(crate) bell: Bell,
}
