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
use crate::seen_traffic::{self, SeenTraffic};

/// The status of one environment; of one that never ran, an empty one.
///
/// # Errors
/// When the journal cannot be read.
pub async fn of(control: &Control, key: &EnvironmentKey) -> Result<EnvironmentStatus, Problem> {
    let journal = control.engine.journal();
    let record = journal.environment(key).await?.unwrap_or_else(|| EnvironmentRecord::new(key.clone()));
    let run = journal.active(key).await?;
    let seen = if control.traffic.is_in_cluster(key) {
        seen_traffic::in_cluster(control, &record).await?
    } else {
        seen_traffic::at_the_edge(control, &record).await
    };
    let SeenTraffic { live, listen, mut drift, answers } = seen;
    if answers && run.is_none() && live != record.live {
        drift.insert(0, format!("requests go to {}; recorded is {}", named(&live), named(&record.live)));
    }
    let standby = standby(&record, live.as_ref());
    let live = match &live {
        Some(standing) => Some(slot(control, key, standing, record.live_since, None, &mut drift).await?),
        None => None,
    };
    let standby = match &standby {
        Some((standing, warm)) => Some(slot(control, key, standing, None, *warm, &mut drift).await?),
        None => None,
    };
    if !control.engine.is_home_of(&record) {
        let home = record.home.as_deref().unwrap_or("another machine");
        // What is missing here is there.
        drift = vec![format!("it runs at {home}: nothing of it can be seen from here")];
    }
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
    let release =
        control.engine.journal().release(key, &standing.release).await?.map(|record| record.release);
    let wanted: Option<usize> = release
        .as_ref()
        .map(|release| release.services.iter().map(|service| service.instances as usize).sum());
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
    let mut instances: Vec<InstanceView> = instances
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
    // Values are opened only where something is said that could have one in it.
    if instances.iter().any(|instance| instance.health.is_some()) {
        let redactor = control.engine.redactor(key, &standing.release).await?;
        for detail in instances.iter_mut().filter_map(|instance| instance.health.as_mut()) {
            *detail = redactor.text(detail).into_owned();
        }
    }
    Ok(SlotStatus {
        release: standing.release.clone(),
        slot: standing.slot,
        artifact: release.as_ref().map(|release| release.artifact.clone()).unwrap_or_default(),
        provenance: release.as_ref().and_then(|release| release.provenance.clone()),
        secrets: release.map(|release| release.secrets).unwrap_or_default(),
        since,
        warm_until,
        instances,
        requests: count.as_ref().map(|count| count.requests),
        errors: count.as_ref().map(|count| count.errors),
        in_flight: count.as_ref().map(|count| count.in_flight),
    })
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
