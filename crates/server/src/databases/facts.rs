//! What a database itself says of a release's migrations. What was recorded of runs may be behind it: who was killed, or lost the
//! database, could not say what it had done.

use std::collections::BTreeSet;

use bascule_migrate::{Contract, Migrator, Origin, State};
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
            let by_runs: BTreeSet<&str> = history
                .iter()
                .filter(|entry| entry.run.is_some())
                .map(|entry| entry.version.0.as_str())
                .collect();
            let carried: BTreeSet<&str> = session.schema.versions.iter().map(String::as_str).collect();
            let mut facts = SchemaFacts::default();
            for record in &journal.records {
                let version = record.version.0.as_str();
                if !carried.contains(version) {
                    continue;
                }
                // What somebody applied by hand is that person's to contract.
                let is_ours = by_runs.contains(version) && record.origin == Origin::Applied;
                if record.state == State::Applied && is_ours {
                    facts.applied.insert(version.to_owned());
                }
                if record.state == State::Reverted {
                    facts.reverted.insert(version.to_owned());
                } else if record.contract == Contract::Done {
                    facts.contracted.insert(version.to_owned());
                }
            }
            Ok(facts)
        })
        .await
}
