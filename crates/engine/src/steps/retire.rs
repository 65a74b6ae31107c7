//! `retire-former` and `retire`: drain what stands in the slot that has no traffic, and stop it.
//!
//! As `retire-former` it frees the slot that a new release needs; as `retire` it ends a rollback window. It is not undone: the
//! release can come back by a cold rollback. Its undo says whether the release stands by still.

use async_trait::async_trait;
use bascule_model::evidence::InstanceState;
use bascule_model::plan::{Plan, Standing};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};
use crate::take_away::take_away;

pub(super) enum Retire {
    Former,
    Standby,
}

impl Retire {
    fn whom<'a>(&self, plan: &'a Plan) -> Option<&'a Standing> {
        plan.standby.as_ref()
    }
}

#[async_trait]
impl Step for Retire {
    fn name(&self) -> &'static str {
        match self {
            Self::Former => "retire-former",
            Self::Standby => "retire",
        }
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        match self.whom(plan) {
            Some(standing) => format!("drain and stop {} in {}", standing.release, standing.slot),
            None => "nothing stands by".to_owned(),
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let Some(standing) = self.whom(context.plan) else {
            return Ok(json!({ "nothing": "nothing stood by" }));
        };
        let routing = context.ports.traffic.routing(context.key()).await?;
        if routing.live.as_ref().is_some_and(|(_, release)| *release == standing.release) {
            return Err(Problem::new(
                Code::PlanStale,
                format!("{} was to be stopped, but it has the traffic", standing.release),
                "look at `bascule status`, then begin again",
            )
            .into());
        }
        let drained = take_away(context, self.name(), &context.standing(standing)).await?;
        Ok(json!({ "release": standing.release, "slot": standing.slot, "drained": drained }))
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let Some(standing) = self.whom(context.plan) else { return Ok(Evidence::Null) };
        Ok(if stands_by(context, standing).await? {
            json!({ "release": standing.release, "nothing": "it was not taken away" })
        } else {
            json!({ "release": standing.release, "stays": "stopped" })
        })
    }
}

/// Whether nothing of it was taken away. Of anything less the rest is retired after the run.
async fn stands_by(context: &StepContext<'_>, standing: &Standing) -> Result<bool, StepError> {
    let routing = context.ports.traffic.routing(context.key()).await?;
    let instances = context.ports.target.observe(&context.standing(standing)).await?;
    let is_going =
        |state: &InstanceState| matches!(state, InstanceState::Stopping { .. } | InstanceState::Gone);
    let whole = !instances.is_empty() && !instances.iter().any(|instance| is_going(&instance.state));
    Ok(whole && routing.slots.get(&standing.slot) == Some(&standing.release))
}
