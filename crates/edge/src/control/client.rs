//! The control plane's end of the control socket.
//!
//! Many calls may be under way at the same time. Each has a time limit; when it passes, or the edge goes away, whether the
//! call was carried out is unknown: [`EdgeClient::state`] of the next connection tells.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, Slot};
use tokio::net::UnixStream;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::frames::{FrameReader, send};
use super::path::shorten;
use super::protocol::{Answer, Call, DrainReport, EdgeState, Envelope, SwitchReceipt};
use crate::error::{EdgeError, Refusal};
use crate::metrics::report::ReleaseMetrics;
use crate::options::socket_path;
use crate::route::{Health, SlotRoute};
use crate::snapshot::EnvironmentRecord;

/// The limit of a call that does not wait for anything.
const LIMIT: Duration = Duration::from_secs(5);
/// What a drain may take beyond its deadline: the cutting itself, and a former edge that has to be asked.
const BEYOND_DRAIN: Duration = Duration::from_secs(10);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<(Answer, VecDeque<OwnedFd>)>>>>;

/// A connection to a running edge.
#[derive(Debug)]
pub struct EdgeClient {
    stream: Arc<UnixStream>,
    sending: tokio::sync::Mutex<()>,
    waiting: Waiting,
    next: AtomicU64,
    gone: watch::Receiver<Connected>,
    reader: AbortHandle,
    pid: u32,
    version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connected {
    Yes,
    No,
}

impl EdgeClient {
    /// Connects to the edge of a state folder and asks who it is.
    ///
    /// # Errors
    /// [`EdgeError::NotRunning`] when nobody listens there; otherwise as for any call.
    pub async fn connect(state_dir: &Path) -> Result<Self, EdgeError> {
        let path = socket_path(state_dir);
        let connected = async { UnixStream::connect(shorten(&path)?.path).await };
        let limited = timeout(LIMIT, connected).await;
        let stream = limited
            .map_err(|_| EdgeError::TimedOut { call: "connect", limit: LIMIT })?
            .map_err(|source| EdgeError::NotRunning { path, source })?;
        let stream = Arc::new(stream);
        let waiting = Waiting::default();
        let (connected, gone) = watch::channel(Connected::Yes);
        let reader = tokio::spawn(read(Arc::clone(&stream), Arc::clone(&waiting), connected)).abort_handle();
        let mut client = Self {
            stream,
            sending: tokio::sync::Mutex::default(),
            waiting,
            next: AtomicU64::new(1),
            gone,
            reader,
            pid: 0,
            version: String::new(),
        };
        match client.call("hello", Call::Hello, LIMIT).await? {
            Answer::Hello { version, pid } => (client.version, client.pid) = (version, pid),
            other => return Err(unexpected(&other)),
        }
        Ok(client)
    }

    /// The edge's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The edge's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Waits until the edge has gone away, or has let this connection go because a new edge took over.
    pub async fn closed(&self) {
        let mut gone = self.gone.clone();
        // An error says that the reader has ended, which is the same.
        let _ = gone.wait_for(|connected| *connected == Connected::No).await;
    }

    /// Gives the edge a listening socket, on which it accepts from now on. It keeps the one it has for that address.
    ///
    /// # Errors
    /// [`Refusal::NotAListener`], or as for any call.
    pub async fn give_listener(&self, address: SocketAddr, socket: OwnedFd) -> Result<(), EdgeError> {
        let (answer, _) =
            self.call_with("give-listener", Call::GiveListener { address }, Some(&socket), LIMIT).await?;
        done(&answer)
    }

    /// Copies of all listening sockets that the edge holds, so that they outlive it here.
    ///
    /// # Errors
    /// As for any call.
    pub async fn take_listeners(&self) -> Result<Vec<(SocketAddr, OwnedFd)>, EdgeError> {
        let mut all = Vec::new();
        loop {
            let call = Call::TakeListeners { from: all.len() };
            let (answer, descriptors) = self.call_with("take-listeners", call, None, LIMIT).await?;
            let Answer::Listeners { addresses, total } = answer else { return Err(unexpected(&answer)) };
            if addresses.len() != descriptors.len() {
                let detail = format!("{} addresses with {} sockets", addresses.len(), descriptors.len());
                return Err(EdgeError::Protocol { detail });
            }
            let ended = addresses.is_empty();
            all.extend(addresses.into_iter().zip(descriptors));
            if ended || all.len() >= total {
                return Ok(all);
            }
        }
    }

    /// Has the edge let a listening socket go.
    ///
    /// # Errors
    /// [`Refusal::UnknownListener`], or as for any call.
    pub async fn close_listener(&self, address: SocketAddr) -> Result<(), EdgeError> {
        done(&self.call("close-listener", Call::CloseListener { address }, LIMIT).await?)
    }

    /// Says what stands in a slot. No traffic goes there by this. On a live slot only the same release with other instances
    /// is taken.
    ///
    /// # Errors
    /// [`EdgeError::Fenced`]; [`Refusal::BadRoute`], [`Refusal::RouteTaken`], [`Refusal::SlotLive`]; as for any call.
    pub async fn put_slot(&self, fence: Generation, slot: SlotRoute) -> Result<(), EdgeError> {
        done(&self.call("put-slot", Call::PutSlot { fence, route: slot }, LIMIT).await?)
    }

    /// Moves the traffic, if `expect` is the live release (`None`: nobody). `to` `None`: nobody is live any more. When this
    /// returns, the switch is on disk and every new request goes to the new release. Repeating it does no harm.
    ///
    /// # Errors
    /// [`EdgeError::Fenced`]; [`Refusal::NotAsExpected`], [`Refusal::NotInSlot`], [`Refusal::NotPersisted`]; as for any call.
    pub async fn switch(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        expect: Option<&ReleaseId>,
        to: Option<(Slot, &ReleaseId)>,
    ) -> Result<SwitchReceipt, EdgeError> {
        let call = Call::Switch {
            fence,
            key: key.clone(),
            expect: expect.cloned(),
            to: to.map(|(slot, release)| (slot, release.clone())),
        };
        match self.call("switch", call, LIMIT).await? {
            Answer::Switched(receipt) => Ok(receipt),
            other => Err(unexpected(&other)),
        }
    }

    /// Empties a slot. An empty one stays empty.
    ///
    /// # Errors
    /// [`EdgeError::Fenced`]; [`Refusal::SlotLive`]; as for any call.
    pub async fn remove_slot(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        slot: Slot,
    ) -> Result<(), EdgeError> {
        done(&self.call("remove-slot", Call::RemoveSlot { fence, key: key.clone(), slot }, LIMIT).await?)
    }

    /// Removes an environment with its slots, the live one too. Its generation is remembered.
    ///
    /// # Errors
    /// [`EdgeError::Fenced`]; as for any call.
    pub async fn remove_environment(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), EdgeError> {
        done(
            &self
                .call("remove-environment", Call::RemoveEnvironment { fence, key: key.clone() }, LIMIT)
                .await?,
        )
    }

    /// Waits until nothing is in flight on what stands in a slot that is not live, or cuts what is left at the deadline.
    ///
    /// # Errors
    /// [`EdgeError::Fenced`]; [`Refusal::SlotLive`], [`Refusal::EmptySlot`], [`Refusal::DrainOvertaken`]; as for any call.
    pub async fn drain(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        slot: Slot,
        deadline: Duration,
    ) -> Result<DrainReport, EdgeError> {
        let call = Call::Drain { fence, key: key.clone(), slot, deadline_ms: millis(deadline) };
        drained(self.call("drain", call, deadline + BEYOND_DRAIN).await?)
    }

    /// Says what the control plane thinks of an instance. One that the edge does not know is passed over.
    ///
    /// # Errors
    /// As for any call.
    pub async fn set_health(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
        healthy: Health,
    ) -> Result<(), EdgeError> {
        let call = Call::SetHealth { key: key.clone(), instance: instance.clone(), health: healthy };
        done(&self.call("set-health", call, LIMIT).await?)
    }

    /// Everything the edge knows, but for the figures.
    ///
    /// # Errors
    /// As for any call.
    pub async fn state(&self) -> Result<EdgeState, EdgeError> {
        match self.call("state", Call::State, LIMIT).await? {
            Answer::State(state) => Ok(*state),
            other => Err(unexpected(&other)),
        }
    }

    /// The figures of what stands in an environment's slots.
    ///
    /// # Errors
    /// As for any call.
    pub async fn metrics(&self, key: &EnvironmentKey) -> Result<Vec<ReleaseMetrics>, EdgeError> {
        match self.call("metrics", Call::Metrics { key: key.clone() }, LIMIT).await? {
            Answer::Metrics(metrics) => Ok(metrics),
            other => Err(unexpected(&other)),
        }
    }

    /// Has the edge accept nothing more, end what is in flight within `drain`, and exit. Returns at once; [`Self::closed`]
    /// tells when it has gone.
    ///
    /// # Errors
    /// As for any call.
    pub async fn leave(&self, drain: Duration) -> Result<(), EdgeError> {
        done(&self.call("leave", Call::Leave { drain_ms: millis(drain) }, LIMIT).await?)
    }

    pub(crate) async fn begin_hand_over(&self) -> Result<(), EdgeError> {
        done(&self.call("begin-hand-over", Call::BeginHandOver, LIMIT).await?)
    }

    pub(crate) async fn mirror(&self, record: EnvironmentRecord) -> Result<(), EdgeError> {
        done(&self.call("mirror", Call::Mirror { record }, LIMIT).await?)
    }

    pub(crate) async fn drain_left(
        &self,
        key: &EnvironmentKey,
        slot: Slot,
        release: &ReleaseId,
        deadline: Duration,
    ) -> Result<DrainReport, EdgeError> {
        let call = Call::DrainLeft {
            key: key.clone(),
            slot,
            release: release.clone(),
            deadline_ms: millis(deadline),
        };
        drained(self.call("drain-left", call, deadline + BEYOND_DRAIN).await?)
    }

    async fn call(&self, name: &'static str, call: Call, limit: Duration) -> Result<Answer, EdgeError> {
        self.call_with(name, call, None, limit).await.map(|(answer, _)| answer)
    }

    async fn call_with(
        &self,
        name: &'static str,
        call: Call,
        descriptor: Option<&OwnedFd>,
        limit: Duration,
    ) -> Result<(Answer, VecDeque<OwnedFd>), EdgeError> {
        let gone = || EdgeError::Gone { call: name };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let body = serde_json::to_vec(&Envelope { id, body: call })
            .map_err(|error| EdgeError::Protocol { detail: error.to_string() })?;
        let (answered, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, answered);
        let exchange = async {
            if *self.gone.borrow() == Connected::No {
                return Err(gone());
            }
            {
                let _turn = self.sending.lock().await;
                let descriptors: Vec<_> = descriptor.iter().map(|descriptor| descriptor.as_fd()).collect();
                // A frame that was sent by half would spoil the stream for the calls after it: `cancel` closes it then.
                let cancel = CloseUnlessDone(&self.stream);
                send(&self.stream, &body, &descriptors).await.map_err(|_| gone())?;
                cancel.done();
            }
            answer.await.map_err(|_| gone())
        };
        let outcome = timeout(limit, exchange).await;
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let (answer, descriptors) = outcome.map_err(|_| EdgeError::TimedOut { call: name, limit })??;
        match answer {
            Answer::Refused(refusal) => Err(refusal.into()),
            answer => Ok((answer, descriptors)),
        }
    }
}

impl Drop for EdgeClient {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Shuts the stream when sending did not come to its end.
struct CloseUnlessDone<'stream>(&'stream UnixStream);

impl CloseUnlessDone<'_> {
    fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for CloseUnlessDone<'_> {
    fn drop(&mut self) {
        // It fails only when the stream is shut already.
        let _ = rustix::net::shutdown(self.0, rustix::net::Shutdown::Both);
    }
}

async fn read(stream: Arc<UnixStream>, waiting: Waiting, connected: watch::Sender<Connected>) {
    let mut frames = FrameReader::new(stream);
    while let Ok(Some(frame)) = frames.next().await {
        let Ok(answer) = serde_json::from_slice::<Envelope<Answer>>(&frame.body) else { break };
        let waiter = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&answer.id);
        if let Some(waiter) = waiter {
            // Whoever asked may have stopped waiting.
            let _ = waiter.send((answer.body, frame.descriptors));
        }
    }
    connected.send_replace(Connected::No);
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn done(answer: &Answer) -> Result<(), EdgeError> {
    match answer {
        Answer::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn drained(answer: Answer) -> Result<DrainReport, EdgeError> {
    match answer {
        Answer::Drained(report) => Ok(report),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &Answer) -> EdgeError {
    EdgeError::Protocol { detail: format!("an answer of another kind: {answer:?}") }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Waits until an edge of that state folder answers.
///
/// # Errors
/// The last error when none does within `limit`.
pub async fn wait_ready(state_dir: &Path, limit: Duration) -> Result<EdgeClient, EdgeError> {
    let until = Instant::now() + limit;
    loop {
        match EdgeClient::connect(state_dir).await {
            Err(EdgeError::NotRunning { .. } | EdgeError::Gone { .. }) if Instant::now() < until => {
                sleep(Duration::from_millis(5)).await;
            }
            outcome => return outcome,
        }
    }
}

impl EdgeError {
    /// The edge's reason, when it was reached and did nothing.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
