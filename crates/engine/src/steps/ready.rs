//! `ready`: every instance well, within the deadline. A crash loop fails at once, with the last lines of its log.
//!
//! While an instance starts it is probed more often than `interval` says; afterwards the interval holds.

mod cadence;

use std::time::Duration;

use async_trait::async_trait;
use bascule_model::evidence::{InstanceState, InstanceStatus, Status};
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Health, Probe, Release, Service, TargetKind};
use bascule_model::run::{Evidence, Touches};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::sync::watch;

use self::cadence::Siblings;
use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};
use crate::failure_log::last_lines;

/// How often the target is asked for exits.
const LOOK: Duration = Duration::from_millis(25);

pub(super) struct Ready;

#[async_trait]
impl Step for Ready {
    fn name(&self) -> &'static str {
        "ready"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtOnce
    }

    fn plan(&self, _: &Plan) -> String {
        "wait until every instance is well".to_owned()
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let spec = context.spec()?;
        let slot = context.slot()?;
        let clock = &context.ports.clock;
        let deadline = context.started + spec.release.rollout.deadline;
        let (sender, statuses) = watch::channel(context.ports.target.observe(&slot).await?);
        let wanted: usize =
            spec.release.services.iter().map(|service| context.first_instances(service) as usize).sum();

        let services = spec.release.services.iter();
        let services: Vec<_> = services
            .map(|service| (service, context.first_instances(service)))
            .map(|(service, count)| (service, count, Siblings::new(count)))
            .collect();
        let waits = services.iter().flat_map(|(service, count, siblings)| {
            let statuses = &statuses;
            (1..=*count).map(move |n| wait_for(context, service, n, siblings, statuses.clone()))
        });
        let all_well = try_join_all(waits);
        let look = async {
            loop {
                clock.sleep(LOOK).await;
                let now = context.ports.target.observe(&slot).await?;
                let looping = now
                    .iter()
                    .find(|i| {
                        matches!(i.state, InstanceState::CrashLoop { .. } | InstanceState::CannotStart { .. })
                    })
                    .cloned();
                let unwell = now.iter().find(|i| own_check_fails(&spec.release, i)).cloned();
                sender.send_replace(now);
                if let Some(instance) = unwell {
                    return Err(unhealthy(context, &instance).await);
                }
                if let Some(instance) = looping {
                    return Err::<(), StepError>(gave_up(context, &instance).await);
                }
                if clock.elapsed() > deadline {
                    let last = sender.borrow().clone();
                    return Err(too_late(context, &last, spec.release.rollout.deadline).await);
                }
            }
        };
        let probes = tokio::select! {
            well = all_well => well?,
            looked = look => { looked?; Vec::new() }
        };
        let instances = context.ports.target.observe(&slot).await?;
        context.ports.traffic.register(context.fence, &spec.release, context.plan.slot, &instances).await?;
        let took = clock.elapsed().saturating_sub(context.started).as_millis();
        Ok(json!({
            "ready": wanted,
            "took_ms": u64::try_from(took).unwrap_or(u64::MAX),
            "slowest_probe": probes.iter().max_by_key(|probe| probe.took_ms),
        }))
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        // The route that was registered goes with the instances, in the undo of `start`.
        Ok(Evidence::Null)
    }
}

/// Probes one instance until it is well. Never ends by itself otherwise: the deadline is watched beside it.
async fn wait_for(
    context: &StepContext<'_>,
    service: &Service,
    n: u32,
    siblings: &Siblings,
    statuses: watch::Receiver<Vec<InstanceStatus>>,
) -> Result<bascule_model::evidence::ProbeResult, StepError> {
    let clock = context.ports.clock.as_ref();
    let health = &service.health;
    let mut good = 0;
    let mut last_detail = String::new();
    siblings.turn(clock, n).await;
    loop {
        let status = statuses.borrow().iter().find(|it| it.service == service.name && it.n == n).cloned();
        let result = match status {
            Some(status) if matches!(status.state, InstanceState::Running { .. }) => {
                probe(context, health, &status).await
            }
            _ => None,
        };
        match result {
            Some(result) if result.status == Status::Pass => {
                good += 1;
                siblings.well(clock.elapsed());
                if good >= health.healthy_after || health.probe == Probe::Uptime {
                    return Ok(result);
                }
            }
            Some(result) => {
                good = 0;
                if result.detail != last_detail && last_detail.is_empty() {
                    context.note("ready", result.detail.clone());
                }
                last_detail = result.detail;
            }
            None => good = 0,
        }
        if good == 0 {
            siblings.until_next(clock, context.started, health.interval).await;
        } else {
            cadence::until_confirmation(clock).await;
        }
    }
}

async fn probe(
    context: &StepContext<'_>,
    health: &Health,
    status: &InstanceStatus,
) -> Option<bascule_model::evidence::ProbeResult> {
    if let Some(own) = status.own_check.as_ref().filter(|_| own_check_decides(context, health)) {
        let detail = if own.status == Status::NoData {
            "its own check has not said anything yet".to_owned()
        } else {
            format!("its own check says: {}", own.output)
        };
        return Some(bascule_model::evidence::ProbeResult { status: own.status, detail, took_ms: 0 });
    }
    if let (Probe::Uptime, Some(started)) = (&health.probe, status.started_at) {
        let ran = context.ports.clock.now().duration_since(started);
        let ran = Duration::try_from(ran).unwrap_or_default();
        let long_enough = ran >= health.start_period;
        return Some(bascule_model::evidence::ProbeResult {
            status: if long_enough { Status::Pass } else { Status::NoData },
            detail: format!("it runs for {} s", ran.as_secs()),
            took_ms: 0,
        });
    }
    match status.address {
        Some(address) => Some(context.ports.checker.probe(address, health).await),
        None => None,
    }
}

/// Where nothing else can be asked, and where a cluster asks in our place.
fn own_check_decides(context: &StepContext<'_>, health: &Health) -> bool {
    let target = context.subject.map(|subject| subject.release.target);
    health.probe == Probe::Uptime || target == Some(TargetKind::Kubernetes)
}

/// Where nothing else can be asked, an instance's own check decides, and its "unhealthy" is final: it has had its retries.
fn own_check_fails(release: &Release, instance: &InstanceStatus) -> bool {
    let by_itself =
        release.service(&instance.service).is_some_and(|service| service.health.probe == Probe::Uptime);
    by_itself && instance.own_check.as_ref().is_some_and(|own| own.status == Status::Fail)
}

async fn unhealthy(context: &StepContext<'_>, instance: &InstanceStatus) -> StepError {
    let lines = last_lines(context, &instance.id).await;
    let said = instance.own_check.as_ref().map(|own| own.output.as_str()).unwrap_or_default();
    let said = if said.is_empty() { "nothing" } else { said };
    let problem = Problem::new(
        Code::InstanceNotReady,
        format!("{} is unhealthy: its own check says {said}{lines}", instance.id),
        "mend what the check (the image's HEALTHCHECK) shows, then deploy again",
    );
    StepError::failed(problem, json!({ "instance": instance }))
}

pub(super) async fn gave_up(context: &StepContext<'_>, instance: &InstanceStatus) -> StepError {
    let lines = last_lines(context, &instance.id).await;
    let problem = match &instance.state {
        InstanceState::CannotStart { reason } => Problem::new(
            Code::InstanceStartFailed,
            format!("{} could not be started: {reason}", instance.id),
            "mend what the reason names (`command`, `files` or the image), then deploy again",
        ),
        _ => Problem::new(
            Code::InstanceCrashLoop,
            format!(
                "{} ended again and again while it started, the last time with {}{lines}",
                instance.id,
                instance.last_exit.as_ref().map_or_else(|| "an unknown exit".to_owned(), ToString::to_string),
            ),
            format!(
                "read all it wrote with `bascule logs {} --release {}`, mend it, deploy again",
                context.key().environment,
                context.plan.release.as_ref().map_or("", |release| release.as_str()),
            ),
        ),
    };
    StepError::failed(problem, json!({ "instance": instance }))
}

pub(super) async fn too_late(
    context: &StepContext<'_>,
    statuses: &[InstanceStatus],
    deadline: Duration,
) -> StepError {
    let mut unwell = Vec::new();
    let Ok(slot) = context.slot() else { return StepError::Fenced };
    let release = context.subject.map(|subject| &subject.release);
    for status in statuses {
        let Some(service) = release.and_then(|release| release.service(&status.service)) else { continue };
        let detail = match &status.state {
            InstanceState::Running { .. } => match probe(context, &service.health, status).await {
                Some(result) if result.status == Status::Pass => continue,
                Some(result) => result.detail,
                None => "it has no address".to_owned(),
            },
            InstanceState::BackOff { exit, .. } => format!("it ended with {exit}"),
            InstanceState::Waiting { reason } => reason.clone(),
            other => format!("{other:?}"),
        };
        let seen = context.ports.target.explain(&slot, &status.id).await.map(|seen| format!(" ({seen})"));
        unwell.push((status.id.clone(), format!("{detail}{}", seen.unwrap_or_default())));
    }
    let Some((first, detail)) = unwell.first().cloned() else {
        return Problem::new(
            Code::InstanceNotReady,
            format!(
                "not every instance was well within {} s, though the last probe of each was good",
                deadline.as_secs()
            ),
            "raise `deadline` in [rollout], or lower `healthy_after`",
        )
        .into();
    };
    let lines = last_lines(context, &first).await;
    StepError::failed(
        Problem::new(
            Code::InstanceNotReady,
            format!(
                "{} of {} instances were not well within {} s; {first}: {detail}{lines}",
                unwell.len(),
                statuses.len(),
                deadline.as_secs()
            ),
            "mend what the probe shows; if the app only needs longer, raise `deadline` in [rollout]",
        ),
        json!({ "unwell": unwell.iter().map(|(id, why)| json!({ "instance": id, "why": why })).collect::<Vec<_>>() }),
    )
}
