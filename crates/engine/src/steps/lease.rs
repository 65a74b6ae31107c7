//! `lease`: the environment is ours, its door can be opened, and what is to stand there would be taken. The lease itself is taken in the transaction that writes the run.

use async_trait::async_trait;
use bascule_model::plan::{Plan, RunKind};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step, foreseen};
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
        let mut evidence = json!({ "generation": context.fence });
        if let (RunKind::Deploy | RunKind::Rollback, Some(subject)) = (context.plan.kind, context.subject) {
            context.ports.traffic.can_open(&subject.release).await?;
            if let Some(artifact) = foreseen::known_artifact(context) {
                foreseen::ask(context, artifact, &mut evidence).await?;
            }
        }
        Ok(evidence)
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}
