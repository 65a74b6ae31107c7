//! The steps that change a database: `rehearse`, `backup`, `migrate-expand`, `backfill`, `migrate-contract`, `migrate-revert`,
//! `migrate-undrop`.
//!
//! What was done is in the database's own journal, so every one of them is simply called again after a crash. An expand that the
//! live release can live with stays when the run turns back: the next try finds it there. What takes it back is `migrate-gate`,
//! when the live release suffers, and `rollback --with-db`.

use std::time::Duration;

use async_trait::async_trait;
use bascule_model::plan::Plan;
use bascule_model::run::{Evidence, Touches};
use bascule_model::schema::{PlannedMigration, SchemaFacts};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::context::{Loaded, StepContext, StepError};
use crate::ports::{Migrating, PortError};

pub(super) enum Migrate {
    Rehearse,
    BackUp,
    Expand,
    Fill,
    Contract,
    Revert,
    Undrop,
}

#[async_trait]
impl Step for Migrate {
    fn name(&self) -> &'static str {
        match self {
            Self::Rehearse => "rehearse",
            Self::BackUp => "backup",
            Self::Expand => "migrate-expand",
            Self::Fill => "backfill",
            Self::Contract => "migrate-contract",
            Self::Revert => "migrate-revert",
            Self::Undrop => "migrate-undrop",
        }
    }

    fn touches(&self) -> Touches {
        match self {
            Self::Rehearse | Self::BackUp => Touches::Nothing,
            _ => Touches::World,
        }
    }

    fn leave(&self) -> Leave {
        match self {
            // A copy is found and dropped by the next one; rows that were filled in stay filled in.
            Self::Rehearse | Self::Fill => Leave::AtOnce,
            _ => Leave::AtItsEnd,
        }
    }

    fn plan(&self, plan: &Plan) -> String {
        let schema = plan.schema.as_ref();
        let named = |list: Option<&Vec<PlannedMigration>>| {
            let versions: Vec<&str> = list.into_iter().flatten().map(|one| one.version.as_str()).collect();
            if versions.is_empty() { "nothing".to_owned() } else { versions.join(", ") }
        };
        match self {
            Self::Rehearse => "try the migrations on a copy: up, down, up".to_owned(),
            Self::BackUp => "back the database up, and look whether the backup can be restored".to_owned(),
            Self::Expand => format!("apply {}", named(schema.map(|schema| &schema.apply))),
            Self::Fill => "fill in the rows that the new release needs".to_owned(),
            Self::Contract => {
                format!("take away what no release needs any more: {}", named(schema.map(|it| &it.contract)))
            }
            Self::Revert => "take back what the release that comes back does not know".to_owned(),
            Self::Undrop => {
                let versions = schema.map(|schema| schema.undrop.join(", ")).unwrap_or_default();
                format!("bring back what these dropped softly: {versions}")
            }
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let migrations = &context.ports.migrations;
        let note = |text: String| context.note(self.name(), text);
        let Some(whose) = self.whose(context) else { return Ok(json!({ "nothing": "there is no release" })) };
        let migrating = migrating(context, whose, context.former, &note)?;
        let ended = match self {
            Self::Rehearse => return Ok(migrations.rehearse(&migrating).await?),
            Self::BackUp => return Ok(migrations.back_up(&migrating).await?),
            Self::Fill => return Ok(migrations.fill(&migrating).await?),
            Self::Undrop => return undrop(context, &migrating).await,
            Self::Expand => migrations.expand(&migrating).await,
            Self::Contract => migrations.contract(&migrating).await,
            Self::Revert => migrations.revert(&migrating).await,
        };
        match ended {
            Ok(evidence) => Ok(with_what_is_found(context, &migrating, evidence).await),
            // What was done by then is done.
            Err(PortError::Problem(problem)) => {
                Err(StepError::failed(problem, with_what_is_found(context, &migrating, json!({})).await))
            }
            Err(gone) => Err(gone.into()),
        }
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let stays = match self {
            Self::Expand => "the live release can live with what was applied; the next deploy finds it there",
            Self::Fill => return Ok(json!({ "stays": "rows that were filled in" })),
            Self::Contract => "no release needed it any more",
            Self::Revert => "the live release does not know what was taken back",
            Self::Undrop => "what is back is held until another deploy has settled",
            Self::Rehearse | Self::BackUp => return Ok(Evidence::Null),
        };
        let evidence = json!({ "stays": stays });
        let Some(whose) = self.whose(context) else { return Ok(evidence) };
        let note = |text: String| context.note(self.name(), text);
        // Nothing that cannot be read may stand in the way of an undo.
        let Ok(migrating) = migrating(context, whose, context.former, &note) else { return Ok(evidence) };
        // Who was killed in the middle may have done it, and could not say so.
        Ok(with_what_is_found(context, &migrating, evidence).await)
    }
}

impl Migrate {
    /// Whose migrations: what a contract takes away is what the live release, and no older one, can do without.
    fn whose<'a>(&self, context: &StepContext<'a>) -> Option<&'a Loaded> {
        match self {
            Self::Contract | Self::Undrop => context.former,
            _ => context.subject,
        }
    }
}

/// So long a database is asked what it knows that no record has.
const PATIENCE: Duration = Duration::from_secs(5);

/// The evidence, and beside it what the database says that is not recorded yet. One that does not answer says nothing.
pub(super) async fn with_what_is_found(
    context: &StepContext<'_>,
    migrating: &Migrating<'_>,
    mut evidence: Evidence,
) -> Evidence {
    let facts = tokio::select! {
        facts = context.ports.migrations.facts(migrating) => facts.unwrap_or_default(),
        () = context.ports.clock.sleep(PATIENCE) => SchemaFacts::default(),
    };
    let found = facts.beyond(&context.environment.schema);
    if !found.is_empty() {
        evidence["found"] = json!(found);
    }
    evidence
}

/// One version after the other. What came back before one that failed is back.
async fn undrop(context: &StepContext<'_>, migrating: &Migrating<'_>) -> Result<Evidence, StepError> {
    let (mut undropped, mut details) = (Vec::new(), Vec::new());
    for version in context.plan.schema.iter().flat_map(|schema| &schema.undrop) {
        match context.ports.migrations.undrop(migrating, version).await {
            Ok(evidence) => details.push(evidence),
            Err(gone @ (PortError::Fenced | PortError::Elsewhere(_))) => return Err(gone.into()),
            Err(PortError::Problem(problem)) => {
                let evidence =
                    with_what_is_found(context, migrating, json!({ "undropped": undropped })).await;
                return Err(StepError::failed(problem, evidence));
            }
        }
        undropped.push(version);
    }
    Ok(with_what_is_found(context, migrating, json!({ "undropped": undropped, "contracts": details })).await)
}

/// A step's view of a release's database.
pub(super) fn migrating<'a>(
    context: &'a StepContext<'_>,
    whose: &'a Loaded,
    live: Option<&'a Loaded>,
    note: &'a (dyn Fn(String) + Send + Sync),
) -> Result<Migrating<'a>, StepError> {
    Ok(Migrating {
        key: context.key(),
        run: Some(context.run),
        project: context.environment.project.as_deref().map(std::path::Path::new),
        release: &whose.release,
        values: whose.values()?,
        live: live.map(|live| &live.release),
        held: &context.environment.schema.held,
        note,
    })
}
