//! `lease`: the environment is ours, its door can be opened, and what is to stand there would be taken. The lease itself is taken in the transaction that writes the run.

use std::time::Duration;

use async_trait::async_trait;
use bascule_model::plan::{Plan, RunKind};
use bascule_model::problem::Code;
use bascule_model::release::Release;
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step, foreseen};
use crate::context::{StepContext, StepError};
use crate::executor::Keeping;
use crate::ports::PortError;

/// How long a run that nobody waits for lets an engine with another journal go first, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(2);

pub(super) struct Lease;

/// Takes the environment where it runs, as the last thing before something is written there.
async fn take(context: &StepContext<'_>) -> Result<(), StepError> {
    let Some(release) = context.any_release() else { return Ok(()) };
    let began = context.ports.clock.elapsed();
    loop {
        let taken = context.ports.traffic.take(context.fence, context.claim, release).await;
        let is_asked_for = matches!(context.plan.kind, RunKind::Deploy | RunKind::Rollback);
        match taken {
            Err(PortError::Problem(problem))
                if problem.code == Code::LeaseHeld
                    && !is_asked_for
                    && context.ports.clock.elapsed() < began + PATIENCE =>
            {
                context.ports.clock.sleep(LOOK).await;
            }
            taken => return Ok(taken?),
        }
    }
}

#[async_trait]
impl Step for Lease {
    fn name(&self) -> &'static str {
        "lease"
    }

    fn touches(&self) -> Touches {
        Touches::Nothing
    }

    fn leave(&self) -> Leave {
        Leave::AtOnce
    }

    fn plan(&self, plan: &Plan) -> String {
        format!("take {}", plan.key)
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let mut evidence = json!({ "generation": context.fence });
        // Where the switch is all that is left to do, users wait for it, and its own write finds out what is in its way.
        if !context.plan.is_the_switch_alone()
            && let (RunKind::Deploy | RunKind::Rollback, Some(subject)) = (context.plan.kind, context.subject)
        {
            // A rollback runs no task, whatever its release has.
            let release = Release { tasks: context.plan.tasks.clone(), ..subject.release.clone() };
            context.ports.traffic.can_open(&release).await?;
            if let Some(artifact) = foreseen::known_artifact(context) {
                foreseen::ask(context, artifact, &mut evidence).await?;
            }
        }
        // Who cannot say where the traffic is cannot be asked to take it away either: nothing is touched then.
        if context.plan.kind == RunKind::Down {
            context.ports.traffic.routing(context.key()).await?;
        }
        // From here on whoever takes over knows of this run. What is not there yet is made once the environment is ours: whoever makes it
        // before may be one who does not know that it has gone elsewhere.
        let mut kept = context.mirror.keep_if_any().await?;
        take(context).await?;
        context.mirror.taken();
        if matches!(kept, Keeping::NoneThere) {
            kept = context.mirror.keep_if_any().await?;
        }
        if let Keeping::Failed(why) = kept {
            evidence["not_mirrored"] = json!(why.to_string());
        }
        Ok(evidence)
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}
