//! `stop-all`: drain and stop everything of the environment, in both slots, and close its door.

use async_trait::async_trait;
use bascule_model::plan::Plan;
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};
use crate::take_away::take_away;

pub(super) struct StopAll;

#[async_trait]
impl Step for StopAll {
    fn name(&self) -> &'static str {
        "stop-all"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, _: &Plan) -> String {
        "drain and stop every instance, close the door".to_owned()
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let mut stopped = Vec::new();
        for slot in context.ports.target.slots().await? {
            if slot.key == *context.key() {
                let drained = take_away(context, "stop-all", &slot).await?;
                stopped.push(json!({ "release": slot.release, "slot": slot.slot, "drained": drained }));
            }
        }
        context.ports.traffic.close(context.fence, context.key()).await?;
        Ok(json!({ "stopped": stopped }))
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(json!({ "stays": "stopped, as far as it was" }))
    }
}
