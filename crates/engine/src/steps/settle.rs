//! `settle`: the release is the verified one; the former stays warm for the rollback window. All of it is in the journal.

use async_trait::async_trait;
use bascule_model::plan::{Plan, Way};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};

pub(super) struct Settle;

#[async_trait]
impl Step for Settle {
    fn name(&self) -> &'static str {
        "settle"
    }

    fn touches(&self) -> Touches {
        Touches::Nothing
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        match &plan.live {
            Some(live) if plan.way == Way::Roll => {
                format!(
                    "keep it as the verified release; {}, which has no instances any more, is retired",
                    live.release
                )
            }
            Some(live) => format!("keep {} warm for the rollback window", live.release),
            None => "keep it as the verified release".to_owned(),
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let warm = context.plan.live.as_ref().filter(|_| context.plan.way == Way::Switch);
        let warm = warm.map(|live| &live.release);
        Ok(
            json!({ "settled": subject.release.id, "warm": warm, "warm_ms": subject.release.rollout.warm.as_millis() as u64 }),
        )
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}
