//! What a run has done to a database so far, as the database says: also by one who was killed before it could say so.

use std::collections::BTreeSet;

use bascule_migrate::{Contract, Migrator, State, StepPhase};
use bascule_model::problem::Problem;
use bascule_model::run::Evidence;
use serde_json::json;

use super::problem;
use super::session::Session;

/// Versions that are so now, each because of the run.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub applied: BTreeSet<String>,
    pub contracted: BTreeSet<String>,
    pub reverted: BTreeSet<String>,
}

impl Done {
    /// Reads it from the journal beside the data.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read(migrator: &mut Migrator, session: &Session<'_>) -> Result<Self, Problem> {
        let mut done = Self::default();
        let Some(run) = session.migrating.run else { return Ok(done) };
        let history = migrator.history().await.map_err(|error| problem::migrate(&error))?;
        let journal = migrator.journal().await.map_err(|error| problem::migrate(&error))?;
        for entry in history.into_iter().filter(|entry| entry.run.as_deref() == Some(run.as_str())) {
            let Some(record) = journal.find(&entry.version) else { continue };
            let version = entry.version.0;
            match entry.phase {
                None | Some(StepPhase::Expand | StepPhase::Backfill) if record.state == State::Applied => {
                    done.applied.insert(version)
                }
                Some(StepPhase::Down) if record.state == State::Reverted => done.reverted.insert(version),
                Some(StepPhase::Contract) if record.contract == Contract::Done => {
                    done.contracted.insert(version)
                }
                _ => continue,
            };
        }
        Ok(done)
    }
}

pub(super) async fn done(session: &Session<'_>) -> Result<Evidence, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let done = Done::read(&mut migrator, session).await?;
            migrator.close().await;
            Ok(json!({
                "applied": done.applied,
                "contracted": done.contracted,
                "reverted": done.reverted,
            }))
        })
        .await
}
