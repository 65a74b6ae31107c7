//! `ALTER COLUMN`, and MySQL's `MODIFY` and `CHANGE`.

use super::{
    alter_table::change,
    column::{column, data_type},
    cursor::Cursor,
    default::default_value,
};
use crate::{Action, Dialect, Name, TableChange};

/// Behind `ALTER`.
pub(super) fn alter_column(cursor: &mut Cursor<'_>, table: &Name) -> Option<Action> {
    if cursor.word("CONSTRAINT") || (cursor.dialect == Dialect::Mysql && cursor.word("CHECK")) {
        return Some(change(table, TableChange::AlterConstraint));
    }
    if cursor.dialect == Dialect::Mysql && cursor.word("INDEX") {
        return Some(change(table, TableChange::IndexVisibility));
    }
    cursor.word("COLUMN");
    let column = cursor.identifier()?;
    let table = table.clone();
    if cursor.words(&["SET", "NOT", "NULL"]) {
        Some(Action::SetNotNull { table, column })
    } else if cursor.words(&["DROP", "NOT", "NULL"]) {
        Some(Action::DropNotNull { table, column })
    } else if cursor.words(&["SET", "DEFAULT"]) {
        Some(Action::SetDefault { table, column, default: default_value(cursor) })
    } else if cursor.words(&["DROP", "DEFAULT"]) {
        Some(Action::DropDefault { table, column })
    } else if cursor.words(&["SET", "DATA", "TYPE"]) || cursor.word("TYPE") {
        let data_type = data_type(cursor)?;
        if cursor.word("COLLATE") {
            cursor.name();
        }
        let using = cursor.word("USING").then(|| {
            let start = cursor.position();
            cursor.skip_to_comma();
            cursor.since(start).to_owned()
        });
        Some(Action::AlterColumnType { table, column, data_type, using })
    } else {
        attribute(cursor).map(|what| change(&table, what))
    }
}

fn attribute(cursor: &mut Cursor<'_>) -> Option<TableChange> {
    if cursor.words(&["SET", "STATISTICS"]) {
        Some(TableChange::Statistics)
    } else if cursor.words(&["SET", "STORAGE"]) || cursor.words(&["SET", "COMPRESSION"]) {
        Some(TableChange::Storage)
    } else if cursor.words(&["SET", "EXPRESSION"]) {
        Some(TableChange::Expression { set: true })
    } else if cursor.words(&["DROP", "EXPRESSION"]) {
        Some(TableChange::Expression { set: false })
    } else if cursor.words(&["ADD", "GENERATED"])
        || cursor.words(&["SET", "GENERATED"])
        || cursor.words(&["DROP", "IDENTITY"])
        || cursor.word("RESTART")
        || cursor.words(&["SET", "INCREMENT"])
    {
        Some(TableChange::Identity)
    } else if cursor.any(&["SET", "RESET"]) {
        let known = cursor.is_symbol("(") || cursor.is_any(&["VISIBLE", "INVISIBLE"]);
        known.then_some(TableChange::Statistics)
    } else {
        None
    }
}

/// `MODIFY [COLUMN] description`, `CHANGE [COLUMN] name description`.
pub(super) fn described_anew(cursor: &mut Cursor<'_>, table: &Name) -> Option<Action> {
    let change = cursor.word("CHANGE");
    if !change && !cursor.word("MODIFY") {
        return None;
    }
    cursor.word("COLUMN");
    cursor.if_exists();
    let before = if change { cursor.identifier() } else { None };
    let (to, placed) = column(cursor)?;
    let column = before.unwrap_or_else(|| to.name.clone());
    Some(Action::ModifyColumn { table: table.clone(), column, to, placed })
}
