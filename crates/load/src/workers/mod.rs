//! The workers: one loop for each connection, stream or socket of the profile, one file for each kind.

mod download;
mod events;
mod plain;
mod slow;
mod upload;
mod websocket;

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Client, Target};
use crate::{Kind, Profile};

/// HTTP/2 streams on one connection.
const STREAMS: usize = 16;

/// After a failure: so that a server that is down is asked, but not beaten.
const BREATH: Duration = Duration::from_millis(50);

/// Starts all the workers of a profile.
pub(crate) fn set_to_work(
    crew: &mut JoinSet<()>,
    profile: &Profile,
    target: &Rc<Target>,
    stop: &watch::Receiver<bool>,
) {
    let clients = |index| Worker { client: alternate(target, index), stop: Stop(stop.clone()) };

    let plain = plain::mix(profile.path.as_deref());
    let workers = profile.http1 + profile.http2;
    let mut shared = Client::http2(Rc::clone(target));
    for number in 0..workers {
        let (kind, client) = if number < profile.http1 {
            (Kind::Http1, Client::http1(Rc::clone(target)))
        } else {
            if (number - profile.http1).is_multiple_of(STREAMS) {
                shared = Client::http2(Rc::clone(target));
            }
            (Kind::Http2, shared.clone())
        };
        let pace = crate::pace::Pace::shared(profile.rate_per_second, number, workers);
        let worker = Worker { client, stop: Stop(stop.clone()) };
        crew.spawn_local(plain::run(worker, kind, Rc::clone(&plain), number, pace));
    }
    for index in 0..profile.slow {
        crew.spawn_local(slow::run(clients(index), profile.slow_for));
    }
    for index in 0..profile.downloads {
        crew.spawn_local(download::run(clients(index), profile.body_bytes, profile.body_rate));
    }
    if profile.uploads > 0 {
        let receipt = Rc::new(upload::Receipt::expected(profile.body_bytes));
        for index in 0..profile.uploads {
            crew.spawn_local(upload::run(clients(index), Rc::clone(&receipt), profile.body_rate, index));
        }
    }
    for index in 0..profile.events {
        crew.spawn_local(events::run(clients(index), profile.event_ticks));
    }
    for _ in 0..profile.websockets {
        crew.spawn_local(websocket::run(Rc::clone(target), Stop(stop.clone())));
    }
}

/// HTTP/1.1 for the first, HTTP/2 for the second, and so on.
fn alternate(target: &Rc<Target>, index: usize) -> Client {
    if index.is_multiple_of(2) { Client::http1(Rc::clone(target)) } else { Client::http2(Rc::clone(target)) }
}

/// What a loop of requests needs.
pub(crate) struct Worker {
    client: Client,
    stop: Stop,
}

/// When to begin nothing new.
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    fn told(&self) -> bool {
        *self.0.borrow()
    }

    async fn wait(&mut self) {
        // A teller that is gone is a stop too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    async fn breath(&mut self) {
        tokio::select! {
            () = sleep(BREATH) => {}
            () = self.wait() => {}
        }
    }
}
