//! Whether what waits may wait, as to what stands behind it.

use bascule_sql::{Action, Dialect, Name, Statement};

use super::PhaseError;
use super::items::{Item, Place, items};
use crate::migration::{Migration, Note};

/// Refuses what cannot be taken apart; what is dropped only to be made anew stays where it is.
pub(super) fn check(migration: &Migration, list: &mut [Item], dialect: Dialect) -> Result<(), PhaseError> {
    for at in 0..list.len() {
        let (before, behind) = list.split_at_mut(at + 1);
        let Some(item) = before.last_mut().filter(|item| item.place == Place::Contract) else { continue };
        let again = behind.iter().filter(|later| later.place != Place::Contract).find_map(|later| {
            let thing = item.removes.iter().find(|thing| later.makes.contains(thing))?;
            Some((thing.clone(), later.statement.line))
        });
        if let Some((thing, line)) = again {
            if thing.kind.holds_rows() {
                return Err(PhaseError::Again {
                    version: migration.version.clone(),
                    path: migration.path.clone(),
                    line: item.statement.line,
                    thing: thing.words(),
                    again: line,
                });
            }
            item.place = Place::Replaced;
        }
    }
    rows(migration, list, dialect)?;
    let waits = list.iter().any(|item| item.place == Place::Contract);
    match list.iter().find(|item| item.control().is_some()) {
        Some(control) if waits => Err(PhaseError::Transaction {
            version: migration.version.clone(),
            path: migration.path.clone(),
            line: control.statement.line,
        }),
        _ => Ok(()),
    }
}

/// A `TRUNCATE` that waits would take what the expand has filled in.
fn rows(migration: &Migration, list: &[Item], dialect: Dialect) -> Result<(), PhaseError> {
    for item in list.iter().filter(|item| item.place == Place::Contract) {
        for table in item.reading.actions.iter().flat_map(emptied) {
            let comes = |later: &&Item| {
                later.place != Place::Contract
                    && later.reading.actions.iter().any(|action| writes(action, table, dialect))
            };
            if let Some(later) = list.iter().find(comes) {
                return Err(PhaseError::Rows {
                    version: migration.version.clone(),
                    path: migration.path.clone(),
                    line: item.statement.line,
                    table: table.written.clone(),
                    again: later.statement.line,
                });
            }
        }
    }
    Ok(())
}

fn emptied(action: &Action) -> Vec<&Name> {
    match action {
        Action::Truncate { tables, .. } => tables.iter().collect(),
        Action::Delete { table, filtered: false } => vec![table],
        _ => vec![],
    }
}

fn writes(action: &Action, table: &Name, dialect: Dialect) -> bool {
    match action {
        Action::Insert { table: other, .. } | Action::Update { table: other, .. } => {
            other.matches(table, dialect)
        }
        _ => false,
    }
}

/// The way back of the expand alone: what makes again what only the contract takes is left out.
pub(super) fn down(
    notes: &mut Vec<Note>,
    path: &str,
    down: Vec<Statement>,
    up: &[Item],
    dialect: Dialect,
) -> Vec<Statement> {
    let waits: Vec<_> =
        up.iter().filter(|item| item.place == Place::Contract).flat_map(|item| &item.removes).collect();
    if waits.is_empty() {
        return down;
    }
    let mut kept = vec![];
    for statement in &down {
        // Taken apart only where a part of it is left out.
        let parts: Vec<Item> = bascule_sql::separate(statement, dialect)
            .into_iter()
            .flat_map(|part| items(&[part], dialect))
            .collect();
        let again =
            |item: &Item| !item.makes.is_empty() && item.makes.iter().all(|thing| waits.contains(&thing));
        if parts.iter().any(again) {
            let text =
                "makes again what only the contract takes, so it is no part of the way back from the expand";
            notes.push(Note::at(path, statement.line, text));
            kept.extend(parts.into_iter().filter(|part| !again(part)).map(|part| part.statement));
        } else {
            kept.push(statement.clone());
        }
    }
    kept
}
