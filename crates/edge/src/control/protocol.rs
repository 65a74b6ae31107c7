//! What goes over the control socket: one JSON document per frame, with an id that an answer repeats.

use std::net::SocketAddr;

use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, ServiceName, Slot};
use serde::{Deserialize, Serialize};

use crate::error::Refusal;
use crate::metrics::report::ReleaseMetrics;
use crate::route::{Health, SlotRoute};
use crate::snapshot::{EnvironmentRecord, Isolated};

/// A call or an answer with its number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) id: u64,
    pub(crate) body: T,
}

/// What an edge can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    Hello,
    /// With one descriptor.
    GiveListener {
        address: SocketAddr,
    },
    /// The held sockets from a place in their order on; as many as fit one frame come back.
    TakeListeners {
        from: usize,
    },
    CloseListener {
        address: SocketAddr,
    },
    PutSlot {
        fence: Generation,
        route: SlotRoute,
    },
    Switch {
        fence: Generation,
        key: EnvironmentKey,
        expect: Option<ReleaseId>,
        to: Option<(Slot, ReleaseId)>,
    },
    RemoveSlot {
        fence: Generation,
        key: EnvironmentKey,
        slot: Slot,
    },
    RemoveEnvironment {
        fence: Generation,
        key: EnvironmentKey,
    },
    Drain {
        fence: Generation,
        key: EnvironmentKey,
        slot: Slot,
        deadline_ms: u64,
    },
    SetHealth {
        key: EnvironmentKey,
        instance: InstanceId,
        health: Health,
    },
    State,
    Metrics {
        key: EnvironmentKey,
    },
    Leave {
        drain_ms: u64,
    },
    /// From a new edge: change nothing any more until you leave or I am gone.
    BeginHandOver,
    /// From the new edge to the leaving one: this is how the environment stands now.
    Mirror {
        record: EnvironmentRecord,
    },
    /// From the new edge to the leaving one: what is left there of a slot that is drained.
    DrainLeft {
        key: EnvironmentKey,
        slot: Slot,
        release: ReleaseId,
        deadline_ms: u64,
    },
}

/// What an edge answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Hello {
        version: String,
        pid: u32,
    },
    Done,
    /// With one descriptor per address.
    Listeners {
        addresses: Vec<SocketAddr>,
        total: usize,
    },
    Switched(SwitchReceipt),
    Drained(DrainReport),
    State(Box<EdgeState>),
    Metrics(Vec<ReleaseMetrics>),
    Refused(Refusal),
}

/// What a switch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchReceipt {
    /// Whether the traffic was already there.
    pub already: bool,
    /// From the arrival of the call until every new request goes to the new release, in µs; the snapshot's way to the disk is in it.
    pub micros: u64,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// Whether everything ended by itself.
    pub completed: bool,
    /// Requests that were cut at the deadline.
    pub cut_requests: u64,
    /// Upgraded connections that were cut at the deadline.
    pub cut_upgraded: u64,
    /// How long it took, in ms.
    pub waited_ms: u64,
}

/// Everything about an edge that the control plane may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeState {
    /// The edge's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its environments.
    pub environments: Vec<EnvironmentState>,
    /// The addresses whose sockets it holds.
    pub listeners: Vec<SocketAddr>,
    /// Environments of the snapshot that it cannot serve, and why.
    pub isolated: Vec<Isolated>,
    /// What was wrong with the snapshot's files, in words.
    pub snapshot_faults: Vec<String>,
    /// Client connections that are open.
    pub connections: u64,
    /// Whether it is on its way out.
    pub leaving: bool,
}

/// One environment at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentState {
    /// Its name.
    pub key: EnvironmentKey,
    /// The highest generation seen.
    pub generation: Generation,
    /// Who has the traffic.
    pub live: Option<(Slot, ReleaseId)>,
    /// What stands in its slots.
    pub slots: Vec<SlotState>,
}

/// A slot that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// The slot.
    pub slot: Slot,
    /// What stands there.
    pub release: ReleaseId,
    /// The address that its users come to.
    pub listen: SocketAddr,
    /// Requests in flight, upgraded connections included.
    pub in_flight: u64,
    /// Upgraded connections that are open.
    pub upgraded_open: u64,
    /// Its instances.
    pub instances: Vec<InstanceState>,
}

/// An instance as the edge knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceState {
    /// Its service.
    pub service: ServiceName,
    /// Its name.
    pub id: InstanceId,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether the edge reaches it.
    pub reachable: bool,
    /// What the control plane said of it.
    pub health: Health,
    /// Requests on it.
    pub in_flight: u32,
}

impl EdgeState {
    /// One environment.
    #[must_use]
    pub fn environment(&self, key: &EnvironmentKey) -> Option<&EnvironmentState> {
        self.environments.iter().find(|environment| environment.key == *key)
    }
}

impl EnvironmentState {
    /// What stands in a slot.
    #[must_use]
    pub fn slot(&self, slot: Slot) -> Option<&SlotState> {
        self.slots.iter().find(|state| state.slot == slot)
    }
}
