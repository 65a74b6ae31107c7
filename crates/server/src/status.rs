//! `status`: what stands where, as the edge and the target say, beside what is recorded. Where the two differ, both are shown.

use bascule_engine::ports::SlotRef;
use bascule_journal::{EnvironmentRecord, RunRecord};
use bascule_model::evidence::{InstanceState, Status};
use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::plan::Standing;
use bascule_model::problem::Problem;
use bascule_model::run::Phase;
use jiff::Timestamp;

use crate::api::{ActiveRun, EnvironmentStatus, InstanceView, SlotStatus};
use crate::control::Control;

/// The status of one environment; of one that never ran, an empty one.
///
/// # Errors
/// When the journal cannot be read.
pub async fn of(control: &Control, key: &EnvironmentKey) -> Result<EnvironmentStatus, Problem> {
    let journal = control.engine.journal();
    let record = journal.environment(key).await?.unwrap_or_else(|| EnvironmentRecord::new(key.clone()));
    let run = journal.active(key).await?;
    let mut drift = Vec::new();
    let edge = match control.edge.now() {
        Some(edge) => edge.state().await.ok(),
        None => None,
    };
    let seen = edge.as_ref().and_then(|state| state.environments.iter().find(|one| one.key == *key));
    if edge.is_none() {
        drift.push("the edge does not answer; live is what was recorded last".to_owned());
    }
    let recorded_live = record.live.clone();
    let live = match (&edge, seen) {
        (None, _) => recorded_live.clone(),
        (Some(_), None) => None,
        (Some(_), Some(one)) => one.live.clone().map(|(slot, release)| Standing { release, slot }),
    };
    if edge.is_some() && run.is_none() && live != recorded_live {
        drift.push(format!(
            "the edge sends requests to {}; recorded is {}",
            named(&live),
            named(&recorded_live)
        ));
    }
    let standby = standby(&record, live.as_ref());
    let door = seen.and_then(|one| one.slots.first()).map(|slot| slot.listen);
    let held = |door: &std::net::SocketAddr| edge.as_ref().is_some_and(|edge| edge.listeners.contains(door));
    let listen = door.filter(held).map(|door| door.to_string());
    if let (Some(door), None, Some(_)) = (door, &listen, &live) {
        drift.push(format!("the users' door {door} is not open"));
    }
    let live = match &live {
        Some(standing) => Some(slot(control, key, standing, record.live_since, None, &mut drift).await?),
        None => None,
    };
    let standby = match &standby {
        Some((standing, warm)) => Some(slot(control, key, standing, None, *warm, &mut drift).await?),
        None => None,
    };
    Ok(EnvironmentStatus {
        app: key.app.clone(),
        environment: key.environment.clone(),
        live,
        standby,
        run: run.as_ref().map(active),
        listen,
        drift,
        project: record.project.map(Into::into),
    })
}

/// What stands by: the other one of the two that are recorded, whichever the edge says is live.
fn standby(record: &EnvironmentRecord, live: Option<&Standing>) -> Option<(Standing, Option<Timestamp>)> {
    let recorded = record.standby.as_ref().map(|standby| (standby.standing.clone(), standby.warm_until));
    let former = record.live.clone().map(|standing| (standing, None));
    recorded.into_iter().chain(former).find(|(standing, _)| Some(standing) != live)
}

fn named(standing: &Option<Standing>) -> String {
    standing.as_ref().map_or_else(|| "nobody".to_owned(), |one| format!("{} in {}", one.release, one.slot))
}

async fn slot(
    control: &Control,
    key: &EnvironmentKey,
    standing: &Standing,
    since: Option<Timestamp>,
    warm_until: Option<Timestamp>,
    drift: &mut Vec<String>,
) -> Result<SlotStatus, Problem> {
    let place = SlotRef { key: key.clone(), slot: standing.slot, release: standing.release.clone() };
    let ports = control.engine.ports();
    let instances = ports.target.observe(&place).await.map_err(Problem::from)?;
    let wanted = wanted(control, key, &standing.release).await?;
    let running = instances.iter().filter(|one| matches!(one.state, InstanceState::Running { .. })).count();
    let is_settled = warm_until.is_some() || since.is_some();
    if let Some(wanted) = wanted.filter(|wanted| is_settled && *wanted != running) {
        drift.push(format!("{running} of {wanted} instances of {} run", standing.release));
    }
    drift.extend(ports.target.drift(&place).await);
    let count = match control.edge.now() {
        Some(_) => ports.traffic.count(key, &standing.release, std::time::Duration::MAX).await.ok(),
        None => None,
    };
    let instances = instances
        .into_iter()
        .map(|status| {
            let verdict = control.health.verdict(&status.id);
            let own = status.own_check.as_ref().filter(|_| verdict.is_none());
            let of_own = own.and_then(|own| match own.status {
                Status::Pass => Some(true),
                Status::Fail => Some(false),
                Status::NoData => None,
            });
            InstanceView {
                healthy: verdict.as_ref().and_then(|verdict| verdict.healthy).or(of_own),
                health: verdict
                    .map(|verdict| verdict.detail)
                    .or_else(|| own.map(|own| own.output.clone()))
                    .filter(|detail| !detail.is_empty()),
                status,
            }
        })
        .collect();
    Ok(SlotStatus {
        release: standing.release.clone(),
        slot: standing.slot,
        since,
        warm_until,
        instances,
        requests: count.as_ref().map(|count| count.requests),
        errors: count.as_ref().map(|count| count.errors),
        in_flight: count.as_ref().map(|count| count.in_flight),
    })
}

async fn wanted(
    control: &Control,
    key: &EnvironmentKey,
    release: &ReleaseId,
) -> Result<Option<usize>, Problem> {
    let record = control.engine.journal().release(key, release).await?;
    Ok(record.map(|record| record.release.services.iter().map(|service| service.instances as usize).sum()))
}

fn active(run: &RunRecord) -> ActiveRun {
    let step = run
        .state
        .steps
        .iter()
        .rev()
        .find(|step| {
            matches!(step.phase, Phase::Applying | Phase::Undoing | Phase::UndoFailed | Phase::Failed)
        })
        .map(|step| step.name.clone());
    ActiveRun {
        id: run.id.clone(),
        kind: run.plan.kind,
        step,
        since: run.created_at,
        actor: run.actor.clone(),
        stuck: run.state.stuck.clone(),
    }
}

/// Where a release stands, in a word, for the history.
#[must_use]
pub fn stands(record: &EnvironmentRecord, release: Option<&ReleaseId>) -> Option<String> {
    let release = release?;
    let is = |standing: &Standing| standing.release == *release;
    if record.live.as_ref().is_some_and(is) {
        return Some("live".to_owned());
    }
    record.standby.as_ref().filter(|standby| is(&standby.standing)).map(|_| "standby".to_owned())
}
