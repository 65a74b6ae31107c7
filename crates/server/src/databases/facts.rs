//! What a database itself says of a release's migrations. What was recorded of runs may be behind it: who was killed, or lost the
//! database, could not say what it had done.

use std::collections::BTreeSet;

use bascule_migrate::{Contract, Entry, Migrator, State, StepPhase};
use bascule_model::ids::RunId;
use bascule_model::problem::Problem;
use bascule_model::schema::SchemaFacts;

use super::problem;
use super::session::Session;

/// Reads it from the journal beside the data.
///
/// # Errors
/// Those of the way to the database, and what it says.
pub(super) async fn read(session: &Session<'_>) -> Result<SchemaFacts, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let journal = migrator.journal().await.map_err(|error| problem::migrate(&error))?;
            let history = migrator.history().await.map_err(|error| problem::migrate(&error))?;
            migrator.close().await;
            let run = session.migrating.run.map(RunId::as_str);
            // What others applied, by hand or for another app, is theirs to contract.
            let ours: BTreeSet<&str> = history
                .iter()
                .filter(|entry| run.is_some() && entry.run.as_deref() == run && is_of_expand(entry))
                .map(|entry| entry.version.0.as_str())
                .collect();
            let carried: BTreeSet<&str> = session.schema.versions.iter().map(String::as_str).collect();
            let mut facts = SchemaFacts::default();
            for record in journal.records.iter().filter(|one| carried.contains(one.version.0.as_str())) {
                let version = record.version.0.clone();
                match (record.state, record.contract) {
                    (State::Reverted, _) => facts.reverted.insert(version.clone()),
                    (_, Contract::Done) => facts.contracted.insert(version.clone()),
                    (_, Contract::Waiting) => facts.uncontracted.insert(version.clone()),
                    (_, Contract::None | Contract::Applying) => false,
                };
                if record.state == State::Applied && ours.contains(version.as_str()) {
                    facts.applied.insert(version);
                }
            }
            Ok(facts)
        })
        .await
}

fn is_of_expand(entry: &Entry) -> bool {
    matches!(entry.phase, None | Some(StepPhase::Expand | StepPhase::Backfill))
}
