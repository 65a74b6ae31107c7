//! A request's hold on the release that it claimed: it is in flight from here until the response and the request body have ended.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderValue, StatusCode, Version};
use tokio::time::Instant;

use super::request_body::RequestBody;
use super::response::Asked;
use crate::http::headers::Wish;
use crate::metrics::counters::WorkerCounters;
use crate::release::{Release, Service};
use crate::table::{ListenerIndex, Table, Target};
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
    pub(crate) asked: Asked,
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
    /// The request's head as it is sent; of a request that came at once, with its body.
    pub(crate) head: Vec<u8>,
    /// The body that follows the head; here, so that it outlives an attempt that did not get to it.
    pub(crate) body: RequestBody,
}

impl Claim {
    pub(crate) fn new(
        hold: Hold,
        client: Rc<Client>,
        notes: Notes,
        head: Vec<u8>,
        body: RequestBody,
    ) -> Self {
        client.active.set(client.active.get() + 1);
        Self { hold, client, notes, head, body }
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

    /// Counts the head of the response, and how long it took.
    pub(crate) fn responded(&self, status: StatusCode) {
        let micros = u64::try_from(self.notes.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters().responded(status, micros);
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
