//! `ALTER TABLE`: one action for each part between commas.

use super::{
    alter_column::{alter_column, described_anew},
    alter_mysql,
    column::column,
    constraint,
    cursor::Cursor,
};
use crate::{Action, CreateIndex, Dialect, IndexColumn, Name, TableChange};

/// Behind `TABLE`. Also MySQL's `ALGORITHM` and `LOCK`, which stand between the parts.
pub(super) fn alter_table(cursor: &mut Cursor<'_>, clauses: &mut Clauses) -> Option<Vec<Action>> {
    cursor.if_exists();
    cursor.word("ONLY");
    let table = cursor.name()?;
    cursor.symbol("*");
    let mut actions = Vec::new();
    loop {
        let start = cursor.position();
        if !clauses.take(cursor) {
            let part = part(cursor, &table);
            match part {
                Some(part) => actions.extend(part),
                None => {
                    cursor.back_to(start);
                    let words = cursor.next_words();
                    actions.push(change(&table, TableChange::Unknown { words }));
                }
            }
        }
        cursor.skip_to_comma();
        if !cursor.symbol(",") {
            break;
        }
    }
    if actions.is_empty() {
        actions.push(change(&table, TableChange::Options));
    }
    Some(actions)
}

/// What MySQL is told of how to go about a change.
#[derive(Default)]
pub(super) struct Clauses {
    pub(super) algorithm: Option<String>,
    pub(super) lock: Option<String>,
}

impl Clauses {
    /// Takes `ALGORITHM = …` or `LOCK = …`.
    pub(super) fn take(&mut self, cursor: &mut Cursor<'_>) -> bool {
        if cursor.dialect != Dialect::Mysql {
            return false;
        }
        let place = if cursor.is("ALGORITHM") {
            &mut self.algorithm
        } else if cursor.is("LOCK") {
            &mut self.lock
        } else {
            return false;
        };
        cursor.advance();
        cursor.symbol("=");
        *place = cursor.identifier().map(|value| value.to_uppercase());
        true
    }
}

pub(super) fn change(table: &Name, change: TableChange) -> Action {
    Action::ChangeTable { table: table.clone(), change }
}

fn part(cursor: &mut Cursor<'_>, table: &Name) -> Option<Vec<Action>> {
    let one = |action| Some(vec![action]);
    let changed = |what| Some(vec![change(table, what)]);
    if cursor.word("ADD") {
        add(cursor, table)
    } else if cursor.word("DROP") {
        drop(cursor, table).and_then(one)
    } else if cursor.word("ALTER") {
        alter_column(cursor, table).and_then(one)
    } else if cursor.word("RENAME") {
        rename(cursor, table).and_then(one)
    } else if cursor.words(&["VALIDATE", "CONSTRAINT"]) {
        one(Action::ValidateConstraint { table: table.clone(), constraint: cursor.identifier()? })
    } else if cursor.words(&["ATTACH", "PARTITION"]) {
        changed(TableChange::AttachPartition { partition: cursor.name() })
    } else if cursor.words(&["DETACH", "PARTITION"]) {
        let partition = cursor.name()?;
        let concurrently = cursor.word("CONCURRENTLY");
        let finalize = cursor.word("FINALIZE");
        changed(TableChange::DetachPartition { partition, concurrently, finalize })
    } else if let Some(what) = whole(cursor) {
        changed(what)
    } else if cursor.dialect == Dialect::Mysql {
        if cursor.is_any(&["MODIFY", "CHANGE"]) {
            described_anew(cursor, table).and_then(one)
        } else {
            alter_mysql::whole(cursor).and_then(changed)
        }
    } else {
        None
    }
}

fn add(cursor: &mut Cursor<'_>, table: &Name) -> Option<Vec<Action>> {
    if constraint::begins(cursor) {
        let constraint = constraint::constraint(cursor)?;
        return Some(vec![Action::AddConstraint { table: table.clone(), constraint }]);
    }
    if cursor.dialect == Dialect::Mysql {
        if cursor.word("PARTITION") {
            return Some(vec![change(table, TableChange::AttachPartition { partition: None })]);
        }
        if cursor.is_any(&["INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL"]) {
            return mysql_index(cursor, table).map(|index| vec![Action::CreateIndex(index)]);
        }
    }
    cursor.word("COLUMN");
    let if_not_exists = cursor.if_not_exists();
    let added = |column, placed| Action::AddColumn { table: table.clone(), column, if_not_exists, placed };
    if let Some(inside) = cursor.group() {
        // MySQL: several columns at once.
        let mut inner = Cursor::new(inside, cursor.dialect);
        let mut actions = Vec::new();
        while let Some((column, placed)) = column(&mut inner) {
            actions.push(added(column, placed));
            if !inner.symbol(",") {
                break;
            }
        }
        return Some(actions);
    }
    let (column, placed) = column(cursor)?;
    Some(vec![added(column, placed)])
}

/// `ADD [UNIQUE | FULLTEXT | SPATIAL] [INDEX | KEY] name (…)`.
fn mysql_index(cursor: &mut Cursor<'_>, table: &Name) -> Option<CreateIndex> {
    let unique = cursor.word("UNIQUE");
    let method = cursor.is_any(&["FULLTEXT", "SPATIAL"]).then(|| cursor.here().to_lowercase());
    if method.is_some() {
        cursor.advance();
    }
    cursor.any(&["INDEX", "KEY"]);
    let if_not_exists = cursor.if_not_exists();
    let index = if cursor.is_symbol("(") || cursor.is("USING") { None } else { cursor.name() };
    if cursor.word("USING") {
        cursor.advance();
    }
    let columns = index_columns(cursor);
    Some(CreateIndex {
        index,
        table: table.clone(),
        columns,
        unique,
        concurrently: false,
        if_not_exists,
        method,
        partial: false,
        only: false,
    })
}

/// What stands in an index's parentheses.
pub(super) fn index_columns(cursor: &mut Cursor<'_>) -> Vec<IndexColumn> {
    let Some(inside) = cursor.group() else { return Vec::new() };
    let mut inner = Cursor::new(inside, cursor.dialect);
    let mut columns = Vec::new();
    while !inner.at_end() {
        let start = inner.position();
        let name = inner.identifier();
        let is_column = match (&name, inner.here()) {
            (None, _) | (_, "." | "-" | "|") => false,
            // A length of a prefix with MySQL, else a function.
            (_, "(") => inner.dialect == Dialect::Mysql && inner.ahead(1).parse::<u32>().is_ok(),
            _ => true,
        };
        inner.skip_to_comma();
        columns.push(match name {
            Some(name) if is_column => IndexColumn::Column { name },
            _ => IndexColumn::Expression { written: inner.since(start).to_owned() },
        });
        if !inner.symbol(",") {
            inner.advance();
        }
    }
    columns
}

fn drop(cursor: &mut Cursor<'_>, table: &Name) -> Option<Action> {
    let table = table.clone();
    let mysql = cursor.dialect == Dialect::Mysql;
    if cursor.word("CONSTRAINT") || (mysql && (cursor.words(&["FOREIGN", "KEY"]) || cursor.word("CHECK"))) {
        let if_exists = cursor.if_exists();
        let constraint = cursor.identifier()?;
        return Some(Action::DropConstraint {
            table,
            constraint,
            if_exists,
            cascade: cursor.word("CASCADE"),
        });
    }
    if mysql && cursor.words(&["PRIMARY", "KEY"]) {
        let constraint = "PRIMARY".to_owned();
        return Some(Action::DropConstraint { table, constraint, if_exists: false, cascade: false });
    }
    if mysql && cursor.any(&["INDEX", "KEY"]) {
        let if_exists = cursor.if_exists();
        let indexes = vec![cursor.name()?];
        return Some(Action::DropIndex {
            indexes,
            table: Some(table),
            concurrently: false,
            if_exists,
            cascade: false,
        });
    }
    if mysql && cursor.word("PARTITION") {
        return Some(change(&table, TableChange::DropPartition));
    }
    cursor.word("COLUMN");
    let if_exists = cursor.if_exists();
    let column = cursor.identifier()?;
    Some(Action::DropColumn { table, column, if_exists, cascade: cursor.word("CASCADE") })
}

fn rename(cursor: &mut Cursor<'_>, table: &Name) -> Option<Action> {
    if cursor.any(&["TO", "AS"]) {
        return Some(Action::RenameTable { table: table.clone(), to: cursor.name()? });
    }
    if cursor.word("CONSTRAINT") {
        let constraint = cursor.identifier()?;
        cursor.word("TO");
        return Some(change(table, TableChange::RenameConstraint { constraint, to: cursor.identifier()? }));
    }
    if cursor.dialect == Dialect::Mysql && cursor.any(&["INDEX", "KEY"]) {
        let index = cursor.identifier()?;
        cursor.word("TO");
        return Some(change(table, TableChange::RenameIndex { index, to: cursor.identifier()? }));
    }
    let keyword = cursor.word("COLUMN");
    if keyword && cursor.dialect == Dialect::Mysql {
        cursor.if_exists();
    }
    let position = cursor.position();
    let column = cursor.identifier()?;
    if cursor.word("TO") {
        return Some(Action::RenameColumn { table: table.clone(), column, to: cursor.identifier()? });
    }
    // MySQL: `RENAME new_name`.
    cursor.back_to(position);
    (cursor.dialect == Dialect::Mysql && !keyword)
        .then(|| cursor.name())
        .flatten()
        .map(|to| Action::RenameTable { table: table.clone(), to })
}

/// A change of the table as a whole, as PostgreSQL writes it.
fn whole(cursor: &mut Cursor<'_>) -> Option<TableChange> {
    if cursor.dialect != Dialect::Postgres {
        return None;
    }
    if cursor.words(&["OWNER", "TO"]) {
        Some(TableChange::Owner)
    } else if cursor.words(&["SET", "SCHEMA"]) {
        Some(TableChange::Schema { schema: cursor.identifier()? })
    } else if cursor.words(&["SET", "TABLESPACE"]) {
        Some(TableChange::Tablespace)
    } else if cursor.words(&["SET", "LOGGED"]) || cursor.words(&["SET", "UNLOGGED"]) {
        Some(TableChange::Logged)
    } else if cursor.words(&["SET", "ACCESS"]) {
        Some(TableChange::AccessMethod)
    } else if cursor.words(&["SET", "WITHOUT"]) || cursor.words(&["CLUSTER", "ON"]) {
        Some(TableChange::ClusterOn)
    } else if cursor.any(&["SET", "RESET"]) {
        cursor.is_symbol("(").then_some(TableChange::Parameters)
    } else if cursor.words(&["REPLICA", "IDENTITY"]) {
        Some(TableChange::ReplicaIdentity)
    } else if cursor.words(&["FORCE", "ROW"]) || cursor.words(&["NO", "FORCE"]) {
        Some(TableChange::RowSecurity)
    } else if cursor.words(&["NO", "INHERIT"])
        || cursor.any(&["INHERIT", "OF"])
        || cursor.words(&["NOT", "OF"])
    {
        Some(TableChange::Inheritance)
    } else if cursor.any(&["ENABLE", "DISABLE"]) {
        if cursor.word("ROW") {
            return Some(TableChange::RowSecurity);
        }
        cursor.any(&["ALWAYS", "REPLICA"]);
        cursor.any(&["TRIGGER", "RULE"]).then_some(TableChange::Triggers)
    } else {
        None
    }
}
