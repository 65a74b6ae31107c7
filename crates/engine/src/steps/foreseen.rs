//! What the target says of a release before anything of it is made: asked as soon as its artifact is known, so that neither the world nor a
//! database was touched where it refuses.

use bascule_model::run::Evidence;
use serde_json::json;

use crate::context::{StepContext, StepError};

/// The digest of the release's artifact, where it need not be made first.
pub(super) fn known_artifact<'a>(context: &'a StepContext<'_>) -> Option<&'a str> {
    let made = context.subject.map(|subject| subject.release.artifact.as_str());
    made.filter(|digest| !digest.is_empty()).or_else(|| context.plan.artifact.digest())
}

/// Adds what the target says to the evidence. A run that starts nothing asks nothing: the way back waits for nobody.
pub(super) async fn ask(
    context: &StepContext<'_>,
    artifact: &str,
    evidence: &mut Evidence,
) -> Result<(), StepError> {
    let starts = context.plan.steps.iter().any(|step| step.name == "start");
    // Who has no values fails where they are needed, with the reason.
    if !starts || context.subject()?.values().is_err() {
        return Ok(());
    }
    let mut spec = context.spec()?;
    artifact.clone_into(&mut spec.release.artifact);
    spec.release.tasks.clone_from(&context.plan.tasks);
    let warnings = context.ports.target.can_start(&spec).await?;
    if !warnings.is_empty() {
        evidence["warnings"] = json!(warnings);
    }
    Ok(())
}
