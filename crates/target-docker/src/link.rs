//! Whether the engine is there, and what it tells: one stream of events for all instances.
//!
//! Every time the stream begins anew a new epoch begins, and every supervisor looks at its container again: what happened in
//! between was told to nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, watch};

use crate::connection::Connection;
use crate::names;
use crate::seen::Container;
use crate::shared::Shared;

/// The pause before an engine that is away is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// So long an engine may take to answer before it counts as away.
const ANSWER: Duration = Duration::from_secs(2);
/// The events that change what is known of a container.
const ACTIONS: [&str; 9] =
    ["start", "die", "stop", "kill", "destroy", "pause", "unpause", "update", "health_status"];

/// The state of the way to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Not asked yet.
    Unknown,
    /// It does not answer.
    Away,
    /// It answers and tells; counts how often that began.
    Here { epoch: u64 },
}

/// One for each container name that somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// Something happened to it.
    pub(crate) wake: Notify,
    /// The container that somebody told to stop, not we.
    told_to_stop: Mutex<Option<String>>,
}

impl Mailbox {
    /// Whether somebody told this container to stop since it was started.
    pub(crate) fn was_told_to_stop(&self, container: &str) -> bool {
        self.told_to_stop.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(container)
    }

    /// It was the engine that told it.
    pub(crate) fn forget_order(&self) {
        *self.told_to_stop.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The way to the engine, watched.
#[derive(Debug)]
pub(crate) struct Link {
    engine: watch::Sender<Engine>,
    mailboxes: Mutex<HashMap<String, Arc<Mailbox>>>,
}

impl Default for Link {
    fn default() -> Self {
        Self { engine: watch::Sender::new(Engine::Unknown), mailboxes: Mutex::default() }
    }
}

impl Link {
    pub(crate) fn engine(&self) -> watch::Receiver<Engine> {
        self.engine.subscribe()
    }

    pub(crate) fn now(&self) -> Engine {
        *self.engine.borrow()
    }

    /// Where events of the container of that name are put.
    pub(crate) fn mailbox(&self, name: &str) -> Arc<Mailbox> {
        let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(mailboxes.entry(name.to_owned()).or_default())
    }

    pub(crate) fn forget(&self, name: &str) {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn deliver(&self, event: EventMessage) {
        let Some(actor) = event.actor else { return };
        let attributes = actor.attributes.unwrap_or_default();
        let Some(name) = attributes.get("name") else { return };
        let mailbox = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let Some(mailbox) = mailbox else { return };
        let signal = attributes.get("signal").map(String::as_str);
        if let Some(told) = told_to_stop(event.action.as_deref().unwrap_or_default(), signal) {
            let mut told_to_stop = mailbox.told_to_stop.lock().unwrap_or_else(PoisonError::into_inner);
            *told_to_stop = told.then_some(actor.id).flatten();
        }
        mailbox.wake.notify_one();
    }
}

/// Whether the event is somebody's order to stop; none: it says nothing about that.
fn told_to_stop(action: &str, signal: Option<&str>) -> Option<bool> {
    match (action, signal) {
        ("stop", _) | ("kill", Some("9" | "15" | "2" | "3")) => Some(true),
        ("start", _) => Some(false),
        _ => None,
    }
}

/// Whether an end that nobody here saw was one that somebody ordered, by the last events, which an engine keeps in its memory. It
/// forgets them when it ends, and the oldest when there are many: then it is not known, and so no order.
pub(crate) async fn told_before(shared: &Shared, container: &Container) -> bool {
    let finished = container.finished.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    let (Some(began), Some(finished)) = (container.started_at, finished) else { return false };
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("container", vec![container.id.clone()]),
        ("event", ACTIONS.map(str::to_owned).to_vec()),
    ]);
    let options = EventsOptionsBuilder::default()
        .since(&began.as_second().to_string())
        .until(&(finished.as_second() + 1).to_string())
        .filters(&filters)
        .build();
    let Ok(client) = shared.connection.client().await else { return false };
    let ask = client.events(Some(options)).fold(false, |told, event| async move {
        let Ok(event) = event else { return told };
        let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
        let signal = attributes.get("signal").map(String::as_str);
        told_to_stop(event.action.as_deref().unwrap_or_default(), signal).unwrap_or(told)
    });
    tokio::time::timeout(ANSWER, ask).await.unwrap_or_default()
}

/// Listens until the target is closed.
pub(crate) async fn listen(shared: Arc<Shared>) {
    let mut epoch = 0;
    loop {
        if accepts(&shared.connection).await && shared.connection.client().await.is_ok() {
            epoch += 1;
            hear(&shared, epoch).await;
        }
        shared.link.engine.send_if_modified(|engine| std::mem::replace(engine, Engine::Away) != Engine::Away);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hears the events of one connection to its end.
async fn hear(shared: &Shared, epoch: u64) {
    let Ok(client) = shared.connection.client().await else { return };
    // A little of the past is told again, so that nothing falls between this moment and the beginning of the stream.
    let since = shared.clock.now().as_second() - 2;
    let owner = format!("{}={}", names::OWNER, shared.state_id);
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("label", vec![owner]),
        ("event", ACTIONS.map(str::to_owned).to_vec()),
    ]);
    let options = EventsOptionsBuilder::default().since(&since.to_string()).filters(&filters).build();
    let mut events = std::pin::pin!(client.events(Some(options)));
    // The first poll sends the request; whoever looks from here on cannot miss what comes after.
    shared.link.engine.send_replace(Engine::Here { epoch });
    while let Some(Ok(event)) = events.next().await {
        shared.link.deliver(event);
    }
}

/// Whether the engine takes new connections and answers: one that is being ended still talks on those that it has.
pub(crate) async fn accepts(connection: &Connection) -> bool {
    let ask = async {
        let mut stream = UnixStream::connect(connection.socket()).await.ok()?;
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.ok()?;
        answer.ends_with(b"200").then_some(())
    };
    tokio::time::timeout(ANSWER, ask).await.ok().flatten().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_to_stop_is_told_from_other_signals() {
        let table = [
            ("stop", None, Some(true)),
            ("kill", Some("15"), Some(true)),
            ("kill", Some("9"), Some(true)),
            ("kill", Some("1"), None),
            ("die", None, None),
            ("start", None, Some(false)),
        ];
        for (action, signal, expected) in table {
            assert_eq!(told_to_stop(action, signal), expected, "{action} {signal:?}");
        }
    }
}
