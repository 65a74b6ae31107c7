//! Statements with what they do and where they go.

use bascule_sql::{
    Action, Class, Control, Dialect, Effect, Needed, Reading, Statement, TableChange, classify_reading, read,
    separate,
};

use super::PhaseError;
use super::things::{self, Thing};
use crate::migration::Migration;

/// Where a statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the new release starts.
    Expand,
    /// The same, since it is not understood.
    Unknown,
    /// The same, since what it drops is made anew at once.
    Replaced,
    /// The same, since a table with its rows takes the place of the one that it drops.
    Rebuilt,
    /// When the former release is gone.
    Contract,
}

/// A statement, what it does, and where it goes.
pub(super) struct Item {
    pub statement: Statement,
    pub reading: Reading,
    pub effect: Effect,
    pub place: Place,
    pub makes: Vec<Thing>,
    pub removes: Vec<Thing>,
}

impl Item {
    fn new(statement: Statement, dialect: Dialect) -> Self {
        let reading = read(&statement, dialect);
        let effect = classify_reading(&reading, dialect);
        let makes = reading.actions.iter().flat_map(things::made).collect();
        let removes = reading.actions.iter().flat_map(things::removed).collect();
        Self { statement, reading, effect, place: Place::Expand, makes, removes }
    }

    /// Whether it only sets something of the session, which a contract needs too.
    pub(super) fn is_setting(&self) -> bool {
        self.reading
            .actions
            .iter()
            .all(|action| matches!(action, Action::Set(setting) if !setting.global && !setting.pragma))
    }

    /// Whether a transaction begins or ends.
    pub(super) fn control(&self) -> Option<&Control> {
        match self.reading.actions.as_slice() {
            [Action::Control(control)] => Some(control),
            _ => None,
        }
    }
}

/// The statements, each `ALTER TABLE` that mixes phases taken apart.
pub(super) fn items(statements: &[Statement], dialect: Dialect) -> Vec<Item> {
    let mut items = vec![];
    for statement in statements {
        let whole = Item::new(statement.clone(), dialect);
        let parts = match whole.effect.class {
            Class::Contract | Class::Destructive => separate(statement, dialect),
            Class::Expand | Class::Data | Class::Session | Class::Unknown => vec![],
        };
        let parts: Vec<Item> = parts.into_iter().map(|part| Item::new(part, dialect)).collect();
        let taken = |item: &Item| matches!(item.effect.class, Class::Contract | Class::Destructive);
        if parts.len() > 1 && !parts.iter().all(taken) {
            items.extend(parts);
        } else {
            items.push(whole);
        }
    }
    items
}

/// Says where each goes.
pub(super) fn place(migration: &Migration, items: &mut [Item]) -> Result<(), PhaseError> {
    let mut made: Vec<Thing> = vec![];
    for item in items {
        let own = |name: &bascule_sql::Name| made.iter().any(|thing| thing.is_table(name));
        let touches_own = !item.effect.touches.is_empty() && item.effect.touches.iter().all(own);
        let renames_own = !item.reading.actions.is_empty()
            && item
                .reading
                .actions
                .iter()
                .all(|action| matches!(action, Action::RenameTable { table, .. } if own(table)));
        let removes_own = !item.removes.is_empty() && item.removes.iter().all(|thing| made.contains(thing));
        item.place = match item.effect.class {
            _ if touches_own || renames_own || removes_own => Place::Expand,
            Class::Expand | Class::Data | Class::Session => Place::Expand,
            Class::Unknown => Place::Unknown,
            Class::Contract | Class::Destructive => match item.effect.needed {
                Needed::Later => Place::Contract,
                Needed::AtStart => return Err(breaking(migration, item)),
            },
        };
        made.extend(item.makes.iter().cloned());
    }
    Ok(())
}

fn breaking(migration: &Migration, item: &Item) -> PhaseError {
    let remedy = item.reading.actions.iter().find_map(|action| {
        Some(match action {
            Action::RenameColumn { .. } => "take steps that both releases get along with, as the recipe `rename-column` of our own format does",
            Action::RenameTable { .. } => "take steps that both releases get along with, as the recipe `rename-table` of our own format does",
            Action::AlterColumnType { .. } | Action::ModifyColumn { .. } => {
                "take steps that both releases get along with, as the recipe `change-type` of our own format does"
            }
            Action::AddColumn { .. } => {
                "add the column with a default, or nullable and make it NOT NULL in the next release"
            }
            Action::ChangeTable { change: TableChange::Schema { .. }, .. } => {
                "make a view in the new schema first, and move the table in a later migration"
            }
            _ => return None,
        })
    });
    PhaseError::Breaking {
        version: migration.version.clone(),
        path: migration.path.clone(),
        line: item.statement.line,
        statement: beginning(&item.statement.text),
        reason: item.effect.reason.clone(),
        remedy: remedy.unwrap_or("take steps that both releases get along with").to_owned(),
    }
}

/// The first words of a statement, for a message.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The statements without a `BEGIN` at their beginning and a `COMMIT` at their end, and whether these were there.
pub(super) fn without_transaction(
    mut statements: Vec<Statement>,
    dialect: Dialect,
) -> (Vec<Statement>, bool) {
    let control = |statement: Option<&Statement>| {
        statement.and_then(|statement| Item::new(statement.clone(), dialect).control().cloned())
    };
    let around = control(statements.first()) == Some(Control::Begin)
        && control(statements.last()) == Some(Control::Commit)
        && statements.len() > 1;
    let inside = || statements.iter().filter(|statement| control(Some(statement)).is_some()).count();
    if !around || inside() != 2 {
        return (statements, false);
    }
    statements.pop();
    statements.remove(0);
    (statements, true)
}
