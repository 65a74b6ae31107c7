//! `switch-off`: nobody has the traffic any more; users get a 503 until the door is closed.

use async_trait::async_trait;
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
        let live = context.ports.traffic.routing(context.key()).await?.live.map(|(_, release)| release);
        let former = context.plan.live.as_ref();
        let was_taken = live.is_none();
        let Some(former) = former.filter(|former| was_taken || live.as_ref() == Some(&former.release)) else {
            return Ok(json!({ "live": live, "nothing": "the traffic was not taken" }));
        };
        if was_taken {
            make_known(context).await?;
        }
        // Also to where the traffic is: a write of an engine that was thought dead is refused from then on.
        let to = Some((former.slot, &former.release));
        let switched = context.ports.traffic.switch(context.fence, context.key(), live.as_ref(), to).await?;
        Ok(json!({ "live": former.release, "was_taken": was_taken, "micros": switched.micros }))
    }
}
