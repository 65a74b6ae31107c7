//! `artifact`: build it, or take the one that is in the store; either way its digest is checked.

use async_trait::async_trait;
use bascule_model::plan::{ArtifactPlan, Plan, Promoted};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Configuration;
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step, foreseen};
use crate::context::{Loaded, Ports, StepContext, StepError};
use crate::ports::{Made, Making, Presence};

pub(super) struct Artifact;

#[async_trait]
impl Step for Artifact {
    fn name(&self) -> &'static str {
        "artifact"
    }

    fn touches(&self) -> Touches {
        Touches::Nothing
    }

    fn leave(&self) -> Leave {
        Leave::AtOnce
    }

    fn plan(&self, plan: &Plan) -> String {
        match &plan.artifact {
            ArtifactPlan::Build { command, .. } => format!("build: {command}"),
            ArtifactPlan::Files { digest } => format!("take the files as they are, {}", short(digest)),
            ArtifactPlan::Image { reference, digest } => format!("take {reference}, {}", short(digest)),
            ArtifactPlan::Store { digest } => match &plan.promoted {
                Some(Promoted { environment, release }) => {
                    format!("take {}, which settled in {environment} as {release}", short(digest))
                }
                None => format!("take {} from the store", short(digest)),
            },
            ArtifactPlan::None => "none".to_owned(),
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        // Making it again gives the same digest or a true error; what a killed build left is not to be trusted.
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let Some(source) = subject.source.as_ref().filter(|_| subject.release.artifact.is_empty()) else {
            return stored(context, subject).await;
        };
        let values = subject.values()?;
        if let ArtifactPlan::Build { command, source: planned } = &context.plan.artifact {
            if context.ports.artifacts.survey(source, values).await?.fingerprint() != planned {
                return Err(moved("the sources").into());
            }
            context.note("artifact", format!("running {command}"));
        }
        let note = |text: String| context.note("artifact", text);
        let making = Making {
            key: context.key(),
            source,
            values,
            plan_hash: &context.plan.hash(),
            log: &context.build_log,
            redactor: context.redactor,
            note: &note,
        };
        let Made { digest, says } = context.ports.artifacts.make(&making).await?;
        let mut evidence = json!({ "digest": digest });
        match &context.plan.artifact {
            ArtifactPlan::Files { digest: planned } if *planned != digest => {
                return Err(moved("the files").into());
            }
            ArtifactPlan::Image { digest: planned, .. } if *planned != digest => {
                return Err(moved("the image").into());
            }
            ArtifactPlan::Build { .. } => evidence["log"] = json!(context.build_log),
            _ => {}
        }
        if let Some(says) = says {
            evidence["says"] = says.into();
        }
        // What was there before was asked about before.
        if foreseen::known_artifact(context).is_none() {
            foreseen::ask(context, &digest, &mut evidence).await?;
        }
        Ok(evidence)
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}

async fn stored(context: &StepContext<'_>, subject: &Loaded) -> Result<Evidence, StepError> {
    let digest = &subject.release.artifact;
    check_stored(context.ports, digest, subject.values()?).await?;
    Ok(json!({ "digest": digest, "from": "store" }))
}

/// Whether the store has an artifact, and it is what its digest says.
///
/// # Errors
/// `ARTIFACT_MISSING`, `ARTIFACT_CHANGED`, and those of the store.
pub(crate) async fn check_stored(ports: &Ports, digest: &str, values: &Configuration) -> Result<(), Problem> {
    let problem = match ports.artifacts.verify(digest, values).await.map_err(Problem::from)? {
        Presence::Whole => return Ok(()),
        Presence::Missing => Problem::new(
            Code::ArtifactMissing,
            format!("the artifact {} is no longer in the store", short(digest)),
            "deploy the version again from its sources",
        ),
        Presence::Changed(file) => Problem::new(
            Code::ArtifactChanged,
            format!("the artifact {} was changed on disk: {file} is not what its digest says", short(digest)),
            "deploy the version again from its sources; find out who writes to the state folder",
        ),
    };
    Err(problem)
}

fn moved(what: &str) -> Problem {
    Problem::new(
        Code::PlanStale,
        format!("{what} of the artifact have changed since the plan was made"),
        "look at the new plan with `bascule plan`, then deploy again",
    )
}

/// A digest as it is shown: its beginning, without the repository of an image.
fn short(digest: &str) -> &str {
    let digest = digest.strip_prefix("image:").unwrap_or(digest);
    let digest = digest.rsplit_once('@').map_or(digest, |(_, digest)| digest);
    digest.get(..19).unwrap_or(digest)
}
