//! What an event means for the records of its environment and release. Pure: it is applied in the event's own transaction.

use bascule_journal::{EnvironmentRecord, ReleaseRecord, Standard, Standby};
use bascule_model::plan::{Plan, RunKind, Standing, Way};
use bascule_model::run::{Event, Evidence, Outcome};
use bascule_model::schema::SchemaRecord;
use jiff::{SignedDuration, Timestamp};

/// The environment after the event.
#[must_use]
pub fn environment(
    before: &EnvironmentRecord,
    plan: &Plan,
    subject: Option<&ReleaseRecord>,
    event: &Event,
    at: Timestamp,
) -> EnvironmentRecord {
    let mut after = before.clone();
    let ours = plan.release.clone().map(|release| Standing { release, slot: plan.slot });
    let window = || {
        // Nothing of who went instance by instance is left to be warm.
        let warm = subject.filter(|_| plan.way == Way::Switch);
        let warm = warm.map(|subject| subject.release.rollout.warm).unwrap_or_default();
        at.checked_add(SignedDuration::try_from(warm).unwrap_or_default()).unwrap_or(Timestamp::MAX)
    };
    match event {
        Event::StepStarted { step, .. } if step == "start" => {
            after.standby = ours.map(|standing| Standby { standing, warm_until: None });
        }
        Event::StepDone { step, evidence, .. } => match step.as_str() {
            "retire-former" | "retire" => {
                // What a `down` that failed left over was not recorded as standing by.
                let gone = plan.standby.as_ref();
                after.standby = after.standby.filter(|standby| Some(&standby.standing) != gone);
            }
            "switch" | "roll" => {
                after.standby = before.live.clone().map(|standing| Standby { standing, warm_until: None });
                after.live = ours;
                after.live_since = Some(at);
                after.schema.was_used = true;
            }
            "settle" => {
                // A deploy that fills nothing in found nothing that is not.
                if plan.kind == RunKind::Deploy {
                    filled(&mut after.schema, subject);
                }
                if let Some(standing) = ours {
                    after.settled.push(standing.release);
                }
                // Whoever deploys again means what its migrations say.
                if plan.kind == RunKind::Deploy {
                    after.schema.held.clear();
                }
                if let Some(standby) = &mut after.standby {
                    standby.warm_until = Some(window());
                }
            }
            "switch-off" => {
                after.live = None;
                after.live_since = None;
            }
            "stop-all" => {
                after.live = None;
                after.standby = None;
            }
            "backfill" => filled(&mut after.schema, subject),
            name if name.starts_with("migrate-") => schema(&mut after.schema, plan, evidence),
            _ => {}
        },
        // What a failed step had done by then counts as well.
        Event::StepFailed { step, evidence, .. } if step.starts_with("migrate-") => {
            schema(&mut after.schema, plan, evidence);
        }
        // Nothing is left that says whose it is.
        Event::Finished { outcome: Outcome::Live } if plan.kind == RunKind::Down => after.owner = None,
        Event::UndoDone { step, evidence, .. } => match step.as_str() {
            name if name.starts_with("migrate-") => schema(&mut after.schema, plan, evidence),
            "retire-former" | "retire" if evidence.get("stays").is_some() => {
                let gone = plan.standby.as_ref();
                after.standby = after.standby.filter(|standby| Some(&standby.standing) != gone);
            }
            "start" => after.standby = None,
            "switch" | "roll" => {
                let warm = plan.steps.iter().all(|step| step.name != "start");
                if after.live != plan.live {
                    after.live.clone_from(&plan.live);
                    after.live_since = Some(at);
                }
                // A warm standby that was switched to and back stays warm; a fresh one is about to be stopped.
                after.standby = ours.map(|standing| Standby { standing, warm_until: warm.then(window) });
            }
            _ => {}
        },
        _ => {}
    }
    after
}

/// The rows of the release's versions are there.
fn filled(record: &mut SchemaRecord, subject: Option<&ReleaseRecord>) {
    let versions = subject.and_then(|subject| subject.release.schema.as_ref()).map(|schema| &schema.versions);
    for version in versions.into_iter().flatten() {
        record.unfilled.remove(version);
    }
}

/// What a step says that it did to the database, or that it found there.
fn schema(record: &mut SchemaRecord, plan: &Plan, evidence: &Evidence) {
    let listed = |evidence: &Evidence, name: &str| -> Vec<String> {
        let list = evidence.get(name).and_then(Evidence::as_array);
        list.into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let versions = |name: &str| -> Vec<String> {
        let found = evidence.get("found").map(|found| listed(found, name)).unwrap_or_default();
        listed(evidence, name).into_iter().chain(found).collect()
    };
    let fills = plan.steps.iter().any(|step| step.name == "backfill");
    for version in versions("applied") {
        record.reverted.remove(&version);
        if fills && !record.applied.contains(&version) {
            record.unfilled.insert(version.clone());
        }
        record.applied.insert(version);
    }
    for version in versions("contracted") {
        record.held.remove(&version);
        record.unfilled.remove(&version);
        record.contracted.insert(version);
    }
    for version in versions("uncontracted") {
        record.contracted.remove(&version);
        if plan.kind == RunKind::Undrop {
            record.held.insert(version);
        }
    }
    for version in versions("undropped") {
        record.contracted.remove(&version);
        record.held.insert(version);
    }
    for version in versions("reverted") {
        record.applied.remove(&version);
        record.contracted.remove(&version);
        record.held.remove(&version);
        record.unfilled.remove(&version);
        record.reverted.insert(version);
    }
}

/// The release that the event changes, if it changes one.
#[must_use]
pub fn release(
    plan: &Plan,
    subject: Option<&ReleaseRecord>,
    former: Option<&ReleaseRecord>,
    event: &Event,
) -> Option<ReleaseRecord> {
    let with = |record: &ReleaseRecord, standard| ReleaseRecord { standard, ..record.clone() };
    match (plan.kind, event) {
        (RunKind::Deploy | RunKind::Rollback, Event::StepDone { step, evidence, .. })
            if step == "artifact" =>
        {
            let mut record = subject?.clone();
            evidence.get("digest")?.as_str()?.clone_into(&mut record.release.artifact);
            record.source = None;
            Some(record)
        }
        (RunKind::Deploy, Event::StepDone { step, .. }) if step == "settle" => {
            Some(with(subject?, Standard::Settled))
        }
        // Who is rolled back from is no goal of a later rollback without argument.
        (RunKind::Rollback, Event::StepDone { step, .. }) if step == "settle" => {
            Some(with(former?, Standard::Failed))
        }
        (
            RunKind::Deploy,
            Event::Finished { outcome: Outcome::Refused | Outcome::RolledBack | Outcome::Stuck },
        ) => Some(with(subject?, Standard::Failed)),
        _ => None,
    }
}
