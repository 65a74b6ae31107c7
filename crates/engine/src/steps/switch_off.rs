//! `switch-off`: nobody has the traffic any more; users get a 503 until the door is closed.

use async_trait::async_trait;
use bascule_model::evidence::InstanceState;
use bascule_model::plan::Plan;
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::switch::make_known;
use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};

pub(super) struct SwitchOff;

#[async_trait]
impl Step for SwitchOff {
    fn name(&self) -> &'static str {
        "switch-off"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        format!("take the traffic from {}", plan.key)
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let live = context.ports.traffic.routing(context.key()).await?.live.map(|(_, release)| release);
        if live.is_some() {
            context.ports.traffic.switch(context.fence, context.key(), live.as_ref(), None).await?;
        }
        Ok(json!({ "from": live }))
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let nothing = |live| Ok(json!({ "live": live, "nothing": "the traffic was not taken" }));
        let (Some(standing), Some(former)) = (&context.plan.live, context.former) else {
            return nothing(None);
        };
        let traffic = &context.ports.traffic;
        let live = traffic.routing(context.key()).await?.live.map(|(_, release)| release);
        if live.is_some() {
            if live.as_ref() == Some(&standing.release) {
                // A write of an engine that was thought dead is refused from then on.
                traffic.open(context.fence, &former.release).await?;
            }
            return nothing(live);
        }
        let instances = context.ports.target.observe(&context.standing(standing)).await?;
        let runs = instances.iter().any(|one| matches!(one.state, InstanceState::Running { .. }));
        // Nobody is given users whom nobody answers.
        if !runs {
            return nothing(None);
        }
        make_known(context).await?;
        let to = Some((standing.slot, &standing.release));
        let switched = traffic.switch(context.fence, context.key(), None, to).await?;
        Ok(json!({ "live": standing.release, "micros": switched.micros }))
    }
}
