//! `lease`: the environment is ours, and its door can be opened. The lease itself is taken in the transaction that writes the run.

use async_trait::async_trait;
use bascule_model::plan::{Plan, RunKind};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};

pub(super) struct Lease;

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
        if let (RunKind::Deploy | RunKind::Rollback, Some(subject)) = (context.plan.kind, context.subject) {
            context.ports.traffic.can_open(context.key(), subject.release.listen).await?;
        }
        Ok(json!({ "generation": context.fence }))
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}
