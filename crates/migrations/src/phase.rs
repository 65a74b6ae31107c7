//! Plain files in phases: what adds is the expand, what takes is the contract, in their order.
//!
//! Holds: nothing is left out, nothing runs twice but settings of the session, and each part works on its own. A file of which that
//! cannot be said is refused with the statement and the reason. On a database that is new nobody is in the way, and the file is run
//! as it is, without this.

mod error;
mod items;
mod order;
mod rebuild;
mod things;

use bascule_sql::{Dialect, Statement};

pub use self::error::PhaseError;
use self::items::{Item, Place};
use crate::format::Format;
use crate::migration::{Migration, Note, Part, Transactions};

/// The same migration with its statements in phases; files of our own format have them already.
///
/// # Errors
/// When a statement breaks the former release and cannot wait, or the order of the statements forbids to take them apart.
pub fn phase(migration: &Migration, dialect: Dialect) -> Result<Migration, PhaseError> {
    let mut phased = migration.clone();
    if migration.origin.format == Format::Bascule {
        return Ok(phased);
    }
    let statements: Vec<Statement> = migration.parts.iter().flat_map(statements).cloned().collect();
    let (statements, stripped) = items::without_transaction(statements, dialect);
    if stripped {
        let text =
            "`BEGIN` and `COMMIT` around the file are left out: the transaction is opened around it anyway";
        phased.notes.push(Note::new(&migration.path, text));
        phased.transactions = Transactions::Usual;
    }
    let mut items = items::items(&statements, dialect);
    items::place(migration, &mut items)?;
    rebuild::mark(&mut items, phased.transactions, dialect);
    order::check(migration, &mut items, dialect)?;
    note_unknown(&mut phased, &items);
    let contract = contract(&items);
    let expand: Vec<Statement> = items
        .iter()
        .filter(|item| item.place != Place::Contract)
        .map(|item| item.statement.clone())
        .collect();
    phased.down = migration.down.as_ref().map(|down| {
        let (down, _) = items::without_transaction(down.clone(), dialect);
        order::down(&mut phased.notes, &migration.path, down, &items, dialect)
    });
    phased.parts = vec![];
    if !expand.is_empty() || contract.is_empty() {
        phased.parts.push(Part::Expand { statements: expand });
    }
    if !contract.is_empty() {
        phased.parts.push(Part::Contract { statements: contract });
    }
    Ok(phased)
}

fn statements(part: &Part) -> &[Statement] {
    match part {
        Part::Expand { statements } | Part::Contract { statements } => statements,
        Part::Backfill(backfill) => std::slice::from_ref(&backfill.statement),
    }
}

/// What waits, with the settings that were made before it: it runs in another session.
fn contract(items: &[Item]) -> Vec<Statement> {
    let mut settings: Vec<Statement> = vec![];
    let mut list = vec![];
    for item in items {
        if item.is_setting() {
            settings.push(item.statement.clone());
        } else if item.place == Place::Contract {
            list.append(&mut settings);
            list.push(item.statement.clone());
        }
    }
    list
}

fn note_unknown(migration: &mut Migration, items: &[Item]) {
    for item in items.iter().filter(|item| item.place == Place::Unknown) {
        let text = format!("stays in the expand: {}", item.effect.reason);
        migration.notes.push(Note::at(&migration.path, item.statement.line, text));
    }
    for item in items.iter().filter(|item| item.place == Place::Rebuilt) {
        let text = "the table is made anew under its name, with its rows, in one transaction, so it stays in the expand: the live release has to get along with the new columns, which its queries in `smoke` show before anything is touched";
        migration.notes.push(Note::at(&migration.path, item.statement.line, text));
    }
    for item in items.iter().filter(|item| item.place == Place::Replaced) {
        let text = "is dropped and made anew in one go, so it stays in the expand: the live release has to get along with the new one";
        migration.notes.push(Note::at(&migration.path, item.statement.line, text));
    }
}
