//! The steps of runs, each under a stable name, and which run is made of which.
//!
//! Every step's functions are idempotent. `observe` asks the real world; `undo` accepts that the step never happened, half
//! happened or happened.

mod artifact;
mod bake;
mod foreseen;
mod gate;
mod lease;
mod migrate;
mod ready;
mod retire;
mod roll;
mod settle;
mod start;
mod stop_all;
mod switch;
mod switch_off;
mod tasks;
mod verify;

use async_trait::async_trait;
use bascule_model::plan::{Plan, RunKind, Way};
use bascule_model::release::{Before, Task};
use bascule_model::run::{Evidence, OnFailure, Touches};

pub(crate) use self::artifact::check_stored;
use crate::context::{StepContext, StepError};

/// What `observe` found.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Nothing of the effect, or only a part: `apply` is to be called again.
    Open,
    /// The whole effect.
    Done(Evidence),
}

/// Whether a step's `apply` may be left in the middle when somebody asks for the run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It only watches, or what it makes is found again by `undo`.
    AtOnce,
    /// It has to come to its end first: a write is under way. One that takes long asks whether it is to
    /// ([`StepContext::is_to_be_left`]), and ends with [`StepError::Left`].
    AtItsEnd,
}

/// One step.
#[async_trait]
pub trait Step: Send + Sync {
    /// The stable name.
    fn name(&self) -> &'static str;

    /// Whether it changes anything outside the journal and the artifact store.
    fn touches(&self) -> Touches;

    /// Whether it may be left in the middle.
    fn leave(&self) -> Leave;

    /// What it would do, in words. Pure.
    fn plan(&self, plan: &Plan) -> String;

    /// Asks the world whether the effect is there.
    async fn observe(&self, context: &StepContext<'_>) -> Result<Observed, StepError>;

    /// Makes the effect.
    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError>;

    /// Takes the effect back.
    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError>;
}

static LEASE: lease::Lease = lease::Lease;
static ARTIFACT: artifact::Artifact = artifact::Artifact;
static RETIRE_FORMER: retire::Retire = retire::Retire::Former;
static START: start::Start = start::Start;
static READY: ready::Ready = ready::Ready;
static VERIFY: verify::Verify = verify::Verify::Standby;
static SWITCH: switch::Switch = switch::Switch;
static ROLL: roll::Roll = roll::Roll;
static BAKE: bake::Bake = bake::Bake;
static VERIFY_LIVE: verify::Verify = verify::Verify::Live;
static SETTLE: settle::Settle = settle::Settle;
static RETIRE: retire::Retire = retire::Retire::Standby;
static SWITCH_OFF: switch_off::SwitchOff = switch_off::SwitchOff;
static STOP_ALL: stop_all::StopAll = stop_all::StopAll;
static TASKS_BEFORE_START: tasks::Tasks = tasks::Tasks(Before::Start);
static TASKS_BEFORE_SWITCH: tasks::Tasks = tasks::Tasks(Before::Switch);
static REHEARSE: migrate::Migrate = migrate::Migrate::Rehearse;
static BACKUP: migrate::Migrate = migrate::Migrate::BackUp;
static EXPAND: migrate::Migrate = migrate::Migrate::Expand;
static GATE: gate::Gate = gate::Gate;
static FILL: migrate::Migrate = migrate::Migrate::Fill;
static CONTRACT: migrate::Migrate = migrate::Migrate::Contract;
static REVERT: migrate::Migrate = migrate::Migrate::Revert;
static UNDROP: migrate::Migrate = migrate::Migrate::Undrop;

/// Every step there is.
static REGISTRY: [&dyn Step; 24] = [
    &LEASE,
    &ARTIFACT,
    &REHEARSE,
    &RETIRE_FORMER,
    &CONTRACT,
    &BACKUP,
    &EXPAND,
    &GATE,
    &TASKS_BEFORE_START,
    &START,
    &READY,
    &FILL,
    &TASKS_BEFORE_SWITCH,
    &VERIFY,
    &SWITCH,
    &ROLL,
    &BAKE,
    &VERIFY_LIVE,
    &SETTLE,
    &RETIRE,
    &SWITCH_OFF,
    &STOP_ALL,
    &REVERT,
    &UNDROP,
];

/// Whether a rollback finds its release running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth {
    /// It stands in the other slot: the switch alone.
    Warm,
    /// It has to be started.
    Cold,
}

/// Whether something else stands in the slot that a run needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotNeeded {
    /// It is free, or holds the run's own release.
    Free,
    /// A former release is in it.
    Taken,
}

/// What a run has to do with a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaNeeded {
    /// Migrations are tried on a copy.
    pub rehearse: bool,
    /// What no release needs any more goes first.
    pub contract: bool,
    /// It is backed up.
    pub backup: bool,
    /// Migrations are applied.
    pub expand: bool,
    /// Rows are filled in.
    pub fill: bool,
}

/// The names of the steps of a run, in order.
#[must_use]
pub fn sequence(
    kind: RunKind,
    warmth: Warmth,
    slot: SlotNeeded,
    schema: SchemaNeeded,
    tasks: &[Task],
) -> Vec<&'static str> {
    let has = |before| tasks.iter().any(|task| task.before == before);
    match (kind, warmth) {
        (RunKind::Rollback, Warmth::Warm) => vec!["lease", "switch", "settle"],
        (RunKind::Deploy, _) | (RunKind::Rollback, Warmth::Cold) => {
            let all = [
                ("lease", true),
                ("artifact", true),
                ("rehearse", schema.rehearse),
                ("retire-former", slot == SlotNeeded::Taken),
                ("migrate-contract", schema.contract),
                ("backup", schema.backup),
                ("migrate-expand", schema.expand),
                ("migrate-gate", schema.expand),
                ("before-start", has(Before::Start)),
                ("start", true),
                ("ready", true),
                ("backfill", schema.fill),
                ("before-switch", has(Before::Switch)),
                ("verify", true),
                ("switch", true),
                ("bake", true),
                ("verify-live", true),
                ("settle", true),
            ];
            all.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| name).collect()
        }
        (RunKind::Retire, _) => vec!["lease", "retire"],
        (RunKind::Contract, _) => vec!["lease", "migrate-contract"],
        (RunKind::Revert, _) => vec!["lease", "retire", "migrate-revert"],
        (RunKind::Undrop, _) => vec!["lease", "migrate-undrop"],
        (RunKind::Down, _) => vec!["lease", "switch-off", "stop-all"],
    }
}

/// The step in place of that one where users come to a release in this way.
#[must_use]
pub fn by(way: Way, name: &'static str) -> &'static str {
    match (way, name) {
        (Way::Roll, "switch") => "roll",
        _ => name,
    }
}

/// What a failure of such a run leads to.
#[must_use]
pub fn on_failure(kind: RunKind) -> OnFailure {
    match kind {
        RunKind::Deploy | RunKind::Rollback => OnFailure::Undo,
        RunKind::Retire | RunKind::Contract | RunKind::Revert | RunKind::Undrop | RunKind::Down => {
            OnFailure::Stop
        }
    }
}

/// The step of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Step> {
    REGISTRY.iter().copied().find(|step| step.name() == name)
}

/// The names of every step there is.
pub fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().map(|step| step.name())
}

/// Runs the checks of a live release through the users' door.
pub(crate) async fn verify_live(
    ports: &crate::context::Ports,
    loaded: &crate::context::Loaded,
    environment: &bascule_journal::EnvironmentRecord,
) -> Vec<bascule_model::evidence::CheckResult> {
    verify::through_the_door(ports, loaded, environment).await
}
