//! `migrate-gate`: the live release is watched after its schema was expanded. When it suffers, the expand is taken back before
//! anything of the new release is started.

use std::time::Duration;

use async_trait::async_trait;
use bascule_model::evidence::Status;
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::migrate::{migrating, with_what_is_found};
use super::{Leave, Observed, Step};
use crate::context::{Loaded, StepContext, StepError};

/// How often the live release is looked at.
const TICK: Duration = Duration::from_millis(200);
/// Fewer requests than this show no share of errors.
const ENOUGH: u64 = 10;
/// A smaller share of errors is not blamed on the schema.
const LEAST_SHARE: f64 = 0.01;

pub(super) struct Gate;

#[async_trait]
impl Step for Gate {
    fn name(&self) -> &'static str {
        "migrate-gate"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        match &plan.live {
            Some(live) => {
                format!("watch {} on the new schema; take the schema back when it suffers", live.release)
            }
            None => "nothing is live that could suffer".to_owned(),
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let Some(live) = context.former else { return Ok(json!({ "nothing": "nothing is live" })) };
        let note = |text: String| context.note(self.name(), text);
        let migrating = migrating(context, subject, Some(live), &note)?;
        let migrations = &context.ports.migrations;
        // After a crash in the middle of taking back, a live release that is well again proves nothing.
        if !migrations.expanded(&migrating).await? {
            let reverted = migrations.revert(&migrating).await?;
            let reverted = with_what_is_found(context, &migrating, reverted).await;
            return Err(StepError::failed(harm("it suffered when it was watched before"), reverted));
        }
        let watch = subject.release.schema.as_ref().map_or(Duration::ZERO, |schema| schema.policy.watch);
        let Some(why) = suffers(context, live, watch).await? else {
            let broken = migrations.broken_queries(&migrating).await?;
            if broken.is_empty() {
                return Ok(json!({ "watched_ms": u64::try_from(watch.as_millis()).unwrap_or(u64::MAX) }));
            }
            return take_back(context, &migrating, &broken.join("; ")).await;
        };
        take_back(context, &migrating, &why).await
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}

async fn take_back(
    context: &StepContext<'_>,
    migrating: &crate::ports::Migrating<'_>,
    why: &str,
) -> Result<Evidence, StepError> {
    context.note("migrate-gate", format!("{why}: taking the schema back"));
    match context.ports.migrations.revert(migrating).await {
        Ok(reverted) => {
            Err(StepError::failed(harm(why), with_what_is_found(context, migrating, reverted).await))
        }
        // It has no proven way back: a person has to know, and the schema is left as it is.
        Err(crate::ports::PortError::Problem(problem)) => {
            let message =
                format!("{}, and the schema could not be taken back: {}", harm(why).message, problem.message);
            let problem = Problem::new(Code::SchemaHarms, message, problem.remedy);
            Err(StepError::failed(problem, with_what_is_found(context, migrating, json!({})).await))
        }
        Err(fenced) => Err(fenced.into()),
    }
}

fn harm(why: &str) -> Problem {
    Problem::new(
        Code::SchemaHarms,
        format!("the live release suffered after its schema was expanded: {why}"),
        "write the migration so that the live release can go on (`bascule migrate lint` names the usual traps), then deploy again",
    )
}

/// Why the live release is not well; none when it was for the whole time.
async fn suffers(
    context: &StepContext<'_>,
    live: &Loaded,
    watch: Duration,
) -> Result<Option<String>, StepError> {
    let ports = context.ports;
    let release = &live.release;
    let Some(standing) = &context.plan.live else { return Ok(None) };
    let slow = release.rollout.max_p95;
    let before = ports.traffic.count(context.key(), &release.id, slow).await?;
    let until = ports.clock.elapsed() + watch;
    loop {
        let over = ports.clock.elapsed() >= until;
        for instance in ports.target.observe(&context.standing(standing)).await? {
            let health = release.service(&instance.service).map(|service| &service.health);
            let (Some(address), Some(health)) = (instance.address, health) else { continue };
            let probe = ports.checker.probe(address, health).await;
            if probe.status != Status::Pass {
                // One more look: a single probe may meet a restart.
                ports.clock.sleep(TICK).await;
                let again = ports.checker.probe(address, health).await;
                if again.status != Status::Pass {
                    return Ok(Some(format!(
                        "{} does not pass its health check: {}",
                        instance.id, again.detail
                    )));
                }
            }
        }
        let now = ports.traffic.count(context.key(), &release.id, slow).await?;
        let requests = now.requests.saturating_sub(before.requests);
        let failed = now.errors.saturating_sub(before.errors);
        if requests >= ENOUGH && is_too_much(failed, requests, release.rollout.max_error_rate) {
            return Ok(Some(format!("{failed} of {requests} requests failed since")));
        }
        if over {
            return Ok(None);
        }
        ports.clock.sleep(TICK).await;
    }
}

/// Whether the share of failed requests is above the release's own limit, and above what a few requests show by chance.
#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
fn is_too_much(failed: u64, requests: u64, limit: f64) -> bool {
    failed as f64 / requests.max(1) as f64 > limit.max(LEAST_SHARE)
}

#[cfg(test)]
mod tests {
    use super::is_too_much;

    #[test]
    fn a_single_error_among_hundreds_is_not_blamed_on_the_schema() {
        assert!(!is_too_much(1, 500, 0.001));
        assert!(is_too_much(20, 500, 0.001));
        assert!(!is_too_much(20, 500, 0.10));
        assert!(!is_too_much(0, 0, 0.0));
    }
}
