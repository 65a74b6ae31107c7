//! What the tasks of the control thread share.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::acceptor::{Distributor, accept};
use super::client::EdgeClient;
use super::listeners::{Listeners, check};
use super::protocol::EdgeState;
use super::world::World;
use crate::error::Refusal;
use crate::options::EdgeOptions;
use crate::snapshot::SnapshotFiles;
use crate::worker::thread::Command;

/// Which control connection; unique in the process.
pub(crate) type ConnectionNumber = u64;

/// The edge as its control thread knows it.
pub(crate) struct Process {
    pub(crate) options: EdgeOptions,
    pub(crate) files: SnapshotFiles,
    pub(crate) world: RefCell<World>,
    pub(crate) listeners: RefCell<Listeners>,
    pub(crate) distributor: Rc<Distributor>,
    /// Held while a change goes from the record over the disk to the table: one change after the other.
    pub(crate) changing: Mutex<()>,
    /// The connection of the edge that is taking over: nothing may change meanwhile.
    pub(crate) successor: Cell<Option<ConnectionNumber>>,
    /// The edge that this one took over from, as long as it is there: it follows every change and takes part in drains.
    pub(crate) predecessor: RefCell<Option<Rc<EdgeClient>>>,
    /// When everything is cut, once the edge is leaving.
    pub(crate) leaving: Cell<Option<Instant>>,
    /// Ends the control connections but the successor's.
    pub(crate) let_go: CancellationToken,
    /// Told when `leaving` was set.
    pub(crate) left: Notify,
    /// Every call that is being answered holds this as well.
    pub(crate) calls: Rc<()>,
}

/// How long an edge that has nothing left to serve waits for its answers to go out.
const ANSWERS_AT_MOST: Duration = Duration::from_secs(1);
const ANSWERS_PAUSE: Duration = Duration::from_millis(2);

impl Process {
    /// Takes a listening socket and accepts on it. The one that is held already stays.
    pub(crate) fn take_listener(&self, address: SocketAddr, socket: OwnedFd) -> Result<(), Refusal> {
        if self.leaving.get().is_some() {
            return Err(Refusal::HandingOver);
        }
        if self.listeners.borrow().holds(address) {
            return Ok(());
        }
        check(address, &socket)?;
        let copy = socket.try_clone().map_err(|_| Refusal::NotAListener { address })?;
        let index = self.world.borrow_mut().listener_index(address);
        let task = tokio::task::spawn_local(accept(Rc::clone(&self.distributor), copy, index));
        self.listeners.borrow_mut().insert(address, socket, task);
        Ok(())
    }

    /// Accepts nothing more and has the workers end what they have.
    pub(crate) fn leave(&self, drain: Duration) {
        let deadline = Instant::now() + drain;
        self.leaving.set(Some(deadline));
        self.listeners.borrow_mut().close_all();
        self.distributor.tell_all(|| Command::Leave { deadline });
        if self.successor.get().is_some() {
            self.let_go.cancel();
        }
        self.left.notify_one();
    }

    /// Waits until every call has its answer: what ends a drain is often what ends the edge.
    pub(crate) async fn answered(&self) {
        let answered = async {
            while Rc::strong_count(&self.calls) > 1 {
                sleep(ANSWERS_PAUSE).await;
            }
        };
        // A caller that does not read its answer cannot hold the edge.
        let _ = timeout(ANSWERS_AT_MOST, answered).await;
    }

    pub(crate) fn state(&self) -> EdgeState {
        let world = self.world.borrow();
        EdgeState {
            version: self.options.version.clone(),
            pid: std::process::id(),
            environments: world.environments(),
            listeners: self.listeners.borrow().addresses(),
            isolated: world.set_aside.iter().map(|entry| entry.report.clone()).collect(),
            snapshot_faults: world.faults.clone(),
            connections: self.distributor.connections() as u64,
            leaving: self.leaving.get().is_some(),
        }
    }
}
