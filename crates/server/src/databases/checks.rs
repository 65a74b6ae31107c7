//! The checks of migrations whose rows were filled in: before the switch they are asked of the database itself.

use bascule_migrate::backfill::{self, Id, State};
use bascule_migrate::{Contract, Error, Journal, Migrator};
use bascule_migrations::{Gate, Migration, Part};
use bascule_model::problem::Problem;

use super::problem;
use super::session::Session;

/// So many rows are shown.
const SHOWN: usize = 5;

/// Refuses to go on while a check finds rows.
pub(super) async fn hold(session: &Session<'_>) -> Result<(), Problem> {
    if !session.set.iter().any(is_due) {
        return Ok(());
    }
    session
        .with(async |mut migrator: Migrator| {
            let journal = migrator.journal().await.map_err(|error| problem::migrate(&error))?;
            for migration in session.set.iter().filter(|it| is_due(it) && stands(&journal, it)) {
                if let Err(error) = ask(&mut migrator, migration).await {
                    reopen(&mut migrator, migration).await?;
                    return Err(problem::migrate(&error));
                }
            }
            migrator.close().await;
            Ok(())
        })
        .await
}

/// Whether all of its rows are there with the switch. Others are checked with the statements that make them.
fn is_due(migration: &Migration) -> bool {
    let mut gates = migration.parts.iter().filter_map(|part| match part {
        Part::Backfill(backfill) => Some(backfill.gate),
        Part::Expand { .. } | Part::Contract { .. } => None,
    });
    !migration.checks.is_empty()
        && gates.next() == Some(Gate::Switch)
        && gates.all(|gate| gate == Gate::Switch)
}

fn stands(journal: &Journal, migration: &Migration) -> bool {
    let record = journal.find(&migration.version);
    record.is_some_and(|record| record.stands() && record.contract != Contract::Done)
}

/// The next deploy is to ask again: its backfills count as open, with nothing left to do but what was put aside.
async fn reopen(migrator: &mut Migrator, migration: &Migration) -> Result<(), Problem> {
    let connection = migrator.connection();
    for (part, number) in migration.parts.iter().zip(0..) {
        let id = Id { version: migration.version.clone(), part: number };
        let Part::Backfill(_) = part else { continue };
        // One that a person gave up stays so.
        let known = backfill::find(connection, &id).await.map_err(|error| problem::fill(&error))?;
        if known.is_some_and(|known| known.state == State::Done) {
            backfill::resume(connection, &id).await.map_err(|error| problem::fill(&error))?;
        }
    }
    Ok(())
}

async fn ask(migrator: &mut Migrator, migration: &Migration) -> Result<(), Error> {
    for check in &migration.checks {
        let rows = migrator.connection().rows(&check.text).await;
        let rows = rows.map_err(|source| Error::Query { doing: "running a check", source })?;
        if rows.is_empty() {
            continue;
        }
        let words = |row: &Vec<Option<String>>| {
            let values: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            values.join(", ")
        };
        return Err(Error::Check {
            path: migration.path.clone(),
            line: check.line,
            rows: rows.iter().take(SHOWN).map(words).collect(),
            left: "the migration stays applied, and the live release goes on".to_owned(),
        });
    }
    Ok(())
}
