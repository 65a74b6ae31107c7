//! Makes plans. Pure: the same world and the same wish give the same plan, and so the same hash.

use std::collections::{BTreeMap, BTreeSet};

use bascule_journal::EnvironmentRecord;
use bascule_model::ids::{EnvironmentKey, ReleaseId, ServiceName};
use bascule_model::plan::{
    ArtifactPlan, Change, KeyChange, Plan, PlannedStep, Promoted, RunKind, ServiceChange, Standing, Way,
};
use bascule_model::release::{Release, Task};
use bascule_model::schema::{PlannedMigration, SchemaPlan};

use crate::steps::{self, SchemaNeeded, SlotNeeded, Warmth};

/// What a plan for a new or former release is made from.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Deploy or rollback.
    pub kind: RunKind,
    /// The environment's record.
    pub environment: &'a EnvironmentRecord,
    /// The release that is live.
    pub live: Option<&'a Release>,
    /// What stands in the other slot, by the target's own word: also what a run left over that was never finished.
    pub standby: Option<Standing>,
    /// The release that is to be live.
    pub next: &'a Release,
    /// What becomes of the artifact.
    pub artifact: ArtifactPlan,
    /// The release of another environment that the artifact is taken from.
    pub promoted: Option<Promoted>,
    /// Whether a rollback finds its release running.
    pub warmth: Warmth,
    /// What the machine cannot give.
    pub warnings: Vec<String>,
    /// What becomes of the database; none where nothing does.
    pub schema: Option<SchemaPlan>,
    /// What the run has to do with it.
    pub schema_needed: SchemaNeeded,
}

/// A plan that brings a release live.
#[must_use]
pub fn bring_live(facts: Facts<'_>) -> Plan {
    let environment = facts.environment;
    let standby = facts.standby;
    let in_the_way = standby.as_ref().is_some_and(|standby| standby.release != facts.next.id);
    let slot_needed = if in_the_way { SlotNeeded::Taken } else { SlotNeeded::Free };
    let mut notes = facts.warnings;
    if let (true, Some(standby), Warmth::Cold) = (in_the_way, &standby, facts.warmth) {
        notes.push(format!(
            "{} is still warm and is stopped first: a rollback to it has to start it again",
            standby.release
        ));
    }
    if facts.live.is_some_and(|live| live.content == facts.next.content) && facts.kind == RunKind::Deploy {
        notes.push("services and configuration are those of the live release".to_owned());
    }
    // What runs already needs the switch alone.
    let rolling = facts.live.and_then(|live| facts.next.rolls_over(live));
    let is_rolled = rolling.is_some() && facts.warmth == Warmth::Cold;
    notes.extend(rolling_note(facts.next, facts.live, is_rolled));
    let mut plan = Plan {
        kind: facts.kind,
        key: environment.key.clone(),
        release: Some(facts.next.id.clone()),
        slot: environment.free_slot(),
        live: environment.live.clone(),
        standby,
        way: if is_rolled { Way::Roll } else { Way::Switch },
        content: facts.next.content.clone(),
        artifact: facts.artifact,
        promoted: facts.promoted,
        provenance: facts.next.provenance.clone(),
        services: services(facts.live, Some(facts.next)),
        configuration: configuration(facts.live, facts.next),
        tasks: tasks(facts.kind, facts.live, facts.next),
        schema: facts.schema.filter(|schema| !schema.is_empty()),
        steps: Vec::new(),
        notes,
    };
    add_steps(&mut plan, facts.warmth, slot_needed, facts.schema_needed);
    plan
}

/// A plan that stops what stands in a slot without traffic.
#[must_use]
pub fn retire(environment: &EnvironmentRecord, standby: &Standing) -> Plan {
    let mut plan = bare(RunKind::Retire, environment);
    plan.standby = Some(standby.clone());
    plan.release = Some(standby.release.clone());
    plan.slot = standby.slot;
    add_steps(&mut plan, Warmth::Warm, SlotNeeded::Free, SchemaNeeded::default());
    plan
}

/// A plan that takes out of the database what the live release, and no other, can do without.
#[must_use]
pub fn contract(environment: &EnvironmentRecord, live: &Standing, waiting: Vec<PlannedMigration>) -> Plan {
    let mut plan = bare(RunKind::Contract, environment);
    plan.release = Some(live.release.clone());
    plan.slot = live.slot;
    plan.schema = Some(SchemaPlan { contract: waiting, ..SchemaPlan::default() });
    add_steps(&mut plan, Warmth::Warm, SlotNeeded::Free, SchemaNeeded::default());
    plan
}

/// A plan that takes back what `from`, which was rolled back from, did to the database. Where it stands by, it is stopped first.
#[must_use]
pub fn revert(environment: &EnvironmentRecord, from: &ReleaseId, standby: Option<Standing>) -> Plan {
    let mut plan = bare(RunKind::Revert, environment);
    plan.release = Some(from.clone());
    plan.standby = standby;
    add_steps(&mut plan, Warmth::Warm, SlotNeeded::Free, SchemaNeeded::default());
    plan
}

/// A plan that brings back what contracts dropped softly.
#[must_use]
pub fn undrop(environment: &EnvironmentRecord, live: &Standing, versions: Vec<String>) -> Plan {
    let mut plan = bare(RunKind::Undrop, environment);
    plan.release = Some(live.release.clone());
    plan.slot = live.slot;
    plan.schema = Some(SchemaPlan { undrop: versions, ..SchemaPlan::default() });
    add_steps(&mut plan, Warmth::Warm, SlotNeeded::Free, SchemaNeeded::default());
    plan
}

/// A plan that stops everything.
#[must_use]
pub fn down(environment: &EnvironmentRecord, live: Option<&Release>) -> Plan {
    let mut plan = bare(RunKind::Down, environment);
    plan.services = services(live, None);
    add_steps(&mut plan, Warmth::Warm, SlotNeeded::Free, SchemaNeeded::default());
    plan
}

fn bare(kind: RunKind, environment: &EnvironmentRecord) -> Plan {
    Plan {
        kind,
        key: environment.key.clone(),
        release: None,
        slot: environment.free_slot(),
        live: environment.live.clone(),
        standby: environment.standby.as_ref().map(|standby| standby.standing.clone()),
        way: Way::Switch,
        content: String::new(),
        artifact: ArtifactPlan::None,
        promoted: None,
        provenance: None,
        services: Vec::new(),
        configuration: Vec::new(),
        tasks: Vec::new(),
        schema: None,
        steps: Vec::new(),
        notes: Vec::new(),
    }
}

fn add_steps(plan: &mut Plan, warmth: Warmth, slot: SlotNeeded, schema: SchemaNeeded) {
    plan.steps = steps::sequence(plan.kind, warmth, slot, schema, &plan.tasks)
        .into_iter()
        .map(|name| steps::by(plan.way, name))
        .filter_map(steps::find)
        .map(|step| PlannedStep { name: step.name().to_owned(), says: step.plan(plan) })
        .collect();
}

/// What it means that a release comes instance by instance, or that one that was to does not.
fn rolling_note(next: &Release, live: Option<&Release>, is_rolled: bool) -> Option<String> {
    let live = live?;
    if is_rolled {
        return Some(format!(
            "{} comes pod by pod as {} goes: both answer meanwhile, and the way back takes as long as pods take to start",
            next.id, live.id
        ));
    }
    (next.rollout.rolling.is_some() && live.rollout.rolling.is_none()).then(|| {
        format!(
            "{} was not made to go pod by pod: this time all of {} stands beside it, then one switch",
            live.id, next.id
        )
    })
}

/// What is run once. A former release was brought live before, and what is taken over runs already: what they needed done is done.
fn tasks(kind: RunKind, live: Option<&Release>, next: &Release) -> Vec<Task> {
    let is_taken_over =
        live.is_none() && next.cluster.as_ref().is_some_and(|cluster| cluster.adopt.is_some());
    if kind == RunKind::Deploy && !is_taken_over { next.tasks.clone() } else { Vec::new() }
}

fn services(from: Option<&Release>, to: Option<&Release>) -> Vec<ServiceChange> {
    let counts = |release: Option<&Release>| -> BTreeMap<ServiceName, u32> {
        let services = release.map(|release| release.services.as_slice()).unwrap_or_default();
        services.iter().map(|service| (service.name.clone(), service.instances)).collect()
    };
    let (from, to) = (counts(from), counts(to));
    let names: BTreeSet<&ServiceName> = from.keys().chain(to.keys()).collect();
    names
        .into_iter()
        .map(|name| ServiceChange {
            service: name.clone(),
            from: from.get(name).copied(),
            to: to.get(name).copied(),
        })
        .collect()
}

fn configuration(from: Option<&Release>, to: &Release) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    for service in &to.services {
        let none = BTreeMap::new();
        let before = from
            .and_then(|release| release.service(&service.name))
            .map_or(&none, |service| &service.configuration);
        let keys: BTreeSet<&String> = before.keys().chain(service.configuration.keys()).collect();
        for key in keys {
            let change = match (before.get(key), service.configuration.get(key)) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (Some(old), Some(new)) if old == new => Change::Same,
                _ => Change::Changed,
            };
            changes.push(KeyChange { service: service.name.clone(), key: key.clone(), change });
        }
    }
    changes
}

/// Which release a rollback without argument goes to: the last that settled before the live one and did not fail.
///
/// `settled` is every release that settled, the last one last; `failed` says whether one failed or was rolled back from.
pub fn rollback_goal<'a>(
    live: Option<&ReleaseId>,
    settled: &'a [ReleaseId],
    failed: impl Fn(&ReleaseId) -> bool,
) -> Option<&'a ReleaseId> {
    let before = match live.and_then(|live| settled.iter().position(|release| release == live)) {
        Some(first) => &settled[..first],
        // The live one has not settled (its bake goes on, or it was never good): everything that did is before it.
        None => settled,
    };
    before.iter().rev().find(|release| Some(*release) != live && !failed(release))
}

/// Names the environment in messages.
#[must_use]
pub fn named(key: &EnvironmentKey) -> String {
    format!("{} of {}", key.environment, key.app)
}
