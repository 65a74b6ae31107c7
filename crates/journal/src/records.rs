//! What is kept: leases, runs, events, releases, environments.
//!
//! One [`Commit`] is all or nothing: the event, the derived state, the effects that are to be performed and the audit row, in one
//! transaction, under the lease's generation. Whoever lost the lease can commit nothing any more.

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, RunId, Slot};
use bascule_model::plan::{Plan, Standing, hex};
use bascule_model::release::{Release, Source};
use bascule_model::run::{Event, RunState};
use bascule_model::schema::SchemaRecord;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The right to change an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which environment.
    pub key: EnvironmentKey,
    /// For which run.
    pub run: RunId,
    /// Who holds it: one running engine.
    pub owner: String,
    /// The fence.
    pub generation: Generation,
    /// Since when.
    pub since: Timestamp,
    /// When it ends if it is not renewed.
    pub until: Timestamp,
}

/// How a lease is taken that somebody may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// Only when it is free or has run out.
    IfFree,
    /// Also from an owner that is known to be dead (the state folder's lock proves it).
    FromTheDead,
}

/// What became of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standard {
    /// Planned or under way.
    New,
    /// Its bake passed: a rollback may go to it.
    Settled,
    /// It failed, or was rolled back from.
    Failed,
}

/// A release as the journal keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRecord {
    /// The release.
    pub release: Release,
    /// Its values, sealed.
    pub sealed: Vec<u8>,
    /// What became of it.
    pub standard: Standard,
    /// What its artifact is made from; none once it is made.
    pub source: Option<Source>,
}

/// What stands in the slot that is not live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standby {
    /// The release and its place.
    #[serde(flatten)]
    pub standing: Standing,
    /// Until when it is kept warm; null while a run works on it.
    pub warm_until: Option<Timestamp>,
}

/// The derived state of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// Which one.
    pub key: EnvironmentKey,
    /// Who was given the traffic, by the last switch that is recorded.
    pub live: Option<Standing>,
    /// Since when.
    pub live_since: Option<Timestamp>,
    /// What stands in the other slot.
    pub standby: Option<Standby>,
    /// Every release that was live and settled, the last one last; a release that comes back by a rollback is added again.
    pub settled: Vec<ReleaseId>,
    /// The number of the last release.
    pub last_number: u64,
    /// The highest generation of a lease.
    pub generation: Generation,
    /// The folder of the manifest it was last deployed from.
    pub project: Option<String>,
    /// The machine and the state folder where its instances are, when the journal is shared by several; none where it is not, and for
    /// a cluster, which is reached from everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// What its objects in a cluster say of who made them, where that was another state folder whose environment was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What runs did to its database.
    #[serde(default)]
    pub schema: SchemaRecord,
}

impl EnvironmentRecord {
    /// An environment that never ran.
    #[must_use]
    pub fn new(key: EnvironmentKey) -> Self {
        Self {
            key,
            live: None,
            live_since: None,
            standby: None,
            settled: Vec::new(),
            last_number: 0,
            generation: Generation(0),
            project: None,
            home: None,
            owner: None,
            schema: SchemaRecord::default(),
        }
    }

    /// The slot that a new release takes.
    #[must_use]
    pub fn free_slot(&self) -> Slot {
        self.live.as_ref().map_or(Slot::Blue, |live| live.slot.other())
    }
}

/// A run as the journal keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its name.
    pub id: RunId,
    /// What it does.
    pub plan: Plan,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// The fold of its events.
    pub state: RunState,
}

/// An environment that another journal knew, as far as that journal told of it: what a control plane without that journal goes on from.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// The environment. Its generation is above every one that the other journal may have given to a lease.
    pub environment: EnvironmentRecord,
    /// Its last run.
    pub run: RunRecord,
    /// What happened in that run, from the first event on.
    pub events: Vec<Recorded>,
    /// Its releases, with values sealed for whoever adopts them.
    pub releases: Vec<ReleaseRecord>,
    /// When it is taken over.
    pub at: Timestamp,
    /// Who wants that.
    pub actor: String,
}

/// An event as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Position among the run's events, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Under which generation.
    pub generation: Generation,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Recorded {
    /// Whether the `later` events of a run begin with those that are `known`.
    #[must_use]
    pub fn go_on_from(known: &[Self], later: &[Self]) -> bool {
        let name = |one: &Self| (one.at, one.generation);
        let is_same = |(here, there): (&Self, &Self)| {
            name(here) == name(there) && here.event.identity() == there.event.identity()
        };
        known.len() <= later.len() && known.iter().zip(later).all(is_same)
    }
}

/// One transaction of a run.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Under which lease.
    pub key: EnvironmentKey,
    /// Its generation: the commit is refused when it is not the environment's highest.
    pub generation: Generation,
    /// Which run.
    pub run: RunId,
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// The run's state after it.
    pub state: RunState,
    /// The environment's state after it.
    pub environment: EnvironmentRecord,
    /// A release that changes with it.
    pub release: Option<ReleaseRecord>,
    /// The lease ends with it.
    pub ends_lease: LeaseEnd,
}

/// Whether a commit gives the lease back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The run goes on.
    Keep,
    /// The run is over.
    Release,
}

/// A call that an engine has announced and whose outcome is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The step.
    pub step: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Which of its functions.
    pub action: Action,
    /// Since when.
    pub since: Timestamp,
}

/// The function of a step that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Its effect is to be made.
    Apply,
    /// Its effect is to be taken back.
    Undo,
}

/// Something that was done outside of a run, for the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done, as [`AuditRow::action`].
    pub action: &'static str,
    /// In which environment.
    pub key: EnvironmentKey,
    /// More words; never a secret.
    pub detail: String,
}

/// One row of the audit trail. Rows are only ever added; each carries the hash of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Position, from 1, without gaps.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who: a person, or the engine that held the lease.
    pub actor: String,
    /// What was done: an event's kind, `run_begun`, `lease_taken` or `environment_adopted`; outside of runs, what a [`Deed`] says.
    pub action: String,
    /// In which environment.
    pub key: EnvironmentKey,
    /// By which run, if it was one.
    pub run: Option<RunId>,
    /// More words; never a secret.
    pub detail: String,
    /// SHA-256 over the former row's hash and all of the above, hex.
    pub hash: String,
}

impl AuditRow {
    /// The hash before the first row.
    pub const NO_HASH: &'static str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// What [`AuditRow::hash`] has to be after a row with the hash `former`.
    #[must_use]
    pub fn hash_after(&self, former: &str) -> String {
        // A JSON array keeps the fields apart whatever is in them.
        let run = self.run.as_ref().map(RunId::as_str);
        let fields = serde_json::json!([
            former,
            self.sequence,
            self.at.as_nanosecond().to_string(),
            self.actor,
            self.action,
            self.key,
            run,
            self.detail
        ]);
        hex(&Sha256::digest(fields.to_string()))
    }
}
