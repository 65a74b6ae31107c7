//! A request's hold on the release that it claimed: it is in flight from here until the response and the request body have ended.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderValue, Version};
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::http::headers::Wish;
use crate::metrics::counters::WorkerCounters;
use crate::release::{Release, Service};
use crate::table::{ListenerIndex, Table, Target};
use crate::worker::clock::Millis;
use crate::worker::watch::Client;

/// What the route table said.
pub(crate) enum Claimed {
    /// The request is counted in.
    Held(Hold),
    /// Known, but nobody has the traffic.
    Nobody,
    /// Unknown.
    NotFound,
}

/// A place on a release; given back when dropped.
pub(crate) struct Hold {
    release: Arc<Release>,
    service: usize,
    worker: usize,
}

/// Looks a request up and counts it in on the live release. A switch in between is noticed, and the new release is claimed.
pub(crate) fn claim(
    table: &ArcSwap<Table>,
    worker: usize,
    listener: ListenerIndex,
    host: Option<&str>,
    path: &str,
) -> Claimed {
    loop {
        let table = table.load();
        match table.find(listener, host, path) {
            None => return Claimed::NotFound,
            Some(Target::Nobody) => return Claimed::Nobody,
            Some(Target::Live(release, service)) => {
                if release.enter().is_ok() {
                    let hold = Hold { release: Arc::clone(release), service: *service, worker };
                    let counters = hold.counters();
                    counters.in_flight.increase();
                    counters.requests.increase();
                    return Claimed::Held(hold);
                }
                // The release was closed after this table was loaded; the table without it was stored before that.
            }
        }
    }
}

impl Hold {
    pub(crate) fn service(&self) -> &Service {
        &self.release.services[self.service]
    }

    pub(crate) fn counters(&self) -> &WorkerCounters {
        self.service().counters.of(self.worker)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.counters().in_flight.decrease();
        self.release.leave();
    }
}

/// What has to be remembered of a request after its head has gone.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) started: Instant,
    pub(crate) id: HeaderValue,
    /// Whether the id is ours: then it is not among the request's fields and has to be written with the provenance.
    pub(crate) own_id: Option<()>,
    /// Lines that are put into the head when it is written.
    pub(crate) provenance: Bytes,
    pub(crate) version: Version,
    pub(crate) wish: Wish,
    pub(crate) repeatable: Repeatable,
}

/// Whether a request can be sent once more after it was, perhaps, received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeatable {
    Yes,
    No,
}

/// A claimed request, shared by its response, its request body and the tick.
pub(crate) struct Claim {
    hold: Hold,
    pub(crate) client: Rc<Client>,
    pub(crate) notes: Notes,
    /// The request's body, as long as it has not ended; here, so that it outlives an attempt that did not get to it.
    pub(crate) body: RefCell<Incoming>,
    /// Since when the body waits for the client.
    pub(crate) body_since: Cell<Option<Millis>>,
    /// Whether a piece of the body went out.
    pub(crate) body_started: Cell<Option<()>>,
    /// Whether the client broke the body off.
    pub(crate) body_failed: Cell<Option<()>>,
}

impl Claim {
    pub(crate) fn new(hold: Hold, client: Rc<Client>, notes: Notes, body: Incoming) -> Self {
        client.active.set(client.active.get() + 1);
        Self {
            hold,
            client,
            notes,
            body: RefCell::new(body),
            body_since: Cell::new(None),
            body_started: Cell::new(None),
            body_failed: Cell::new(None),
        }
    }

    pub(crate) fn release(&self) -> &Arc<Release> {
        &self.hold.release
    }

    pub(crate) fn service(&self) -> &Service {
        self.hold.service()
    }

    pub(crate) fn counters(&self) -> &WorkerCounters {
        self.hold.counters()
    }

    /// Whether there is a request body that has not ended.
    pub(crate) fn has_body(&self) -> bool {
        !self.body.borrow().is_end_stream()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.client.active.set(self.client.active.get().saturating_sub(1));
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("release", &self.hold.release.id).finish_non_exhaustive()
    }
}
