//! A statement taken apart into what it does.
//!
//! It reads what a migration can hold and leaves out what does not matter for how tables are used. What it does not
//! understand is [`Action::Unknown`]; it never fails.

mod alter_column;
mod alter_mysql;
mod alter_table;
mod column;
mod constraint;
mod create;
mod create_table;
pub(crate) mod cursor;
mod data;
mod default;
mod object;
mod separate;
mod session;
#[cfg(test)]
mod tests;

use crate::{Action, Dialect, Name, Reading, Statement};

pub use data::called_functions;
pub use separate::separate;

use alter_table::Clauses;
use cursor::Cursor;

/// What a statement does.
#[must_use]
pub fn read(statement: &Statement, dialect: Dialect) -> Reading {
    let mut cursor = Cursor::new(&statement.text, dialect);
    let mut clauses = Clauses::default();
    let actions =
        actions(&mut cursor, &mut clauses).filter(|actions| !actions.is_empty()).unwrap_or_else(|| {
            let words = Cursor::new(&statement.text, dialect).next_words();
            vec![Action::Unknown { words }]
        });
    // MySQL: behind `CREATE INDEX` and `DROP INDEX`.
    while dialect == Dialect::Mysql && !cursor.at_end() {
        if !clauses.take(&mut cursor) {
            cursor.skip();
        }
    }
    Reading { actions, algorithm: clauses.algorithm, lock: clauses.lock }
}

fn actions(cursor: &mut Cursor<'_>, clauses: &mut Clauses) -> Option<Vec<Action>> {
    let one = |action| vec![action];
    if let Some(action) = session::control(cursor) {
        return Some(one(action));
    }
    if cursor.word("CREATE") {
        return create::create(cursor).map(one);
    }
    if cursor.word("DROP") {
        return object::drop(cursor).map(one);
    }
    if cursor.word("ALTER") {
        while cursor.dialect == Dialect::Mysql && cursor.any(&["ONLINE", "OFFLINE", "IGNORE"]) {}
        if cursor.word("TABLE") {
            return alter_table::alter_table(cursor, clauses);
        }
        return object::alter(cursor).map(one);
    }
    if cursor.words(&["RENAME", "TABLE"]) || cursor.words(&["RENAME", "TABLES"]) {
        return rename_tables(cursor);
    }
    if cursor.word("TRUNCATE") {
        cursor.word("TABLE");
        let tables = cursor.names();
        return Some(one(Action::Truncate { tables, cascade: cursor.later("CASCADE") }));
    }
    if cursor.words(&["REFRESH", "MATERIALIZED", "VIEW"]) {
        let concurrently = cursor.word("CONCURRENTLY");
        return Some(one(Action::RefreshView { view: cursor.name()?, concurrently }));
    }
    if cursor.words(&["COMMENT", "ON"]) {
        return Some(one(comment(cursor)));
    }
    if cursor.word("GRANT") {
        return Some(one(Action::Grant { on: object::on(cursor) }));
    }
    if cursor.word("REVOKE") {
        return Some(one(Action::Revoke { on: object::on(cursor) }));
    }
    if data::asks(cursor) {
        return Some(one(Action::Select { calls: Vec::new() }));
    }
    // MySQL: `DO expression` only asks; PostgreSQL's is a block of code.
    if cursor.word("DO") {
        let run = Action::Run { procedure: None };
        let asks = cursor.dialect == Dialect::Mysql;
        return Some(one(if asks { data::query(cursor) } else { run }));
    }
    // A statement in a string, which is not looked at.
    if cursor.any(&["PREPARE", "EXECUTE"]) || cursor.words(&["EXPLAIN", "ANALYZE"]) {
        return Some(one(Action::Run { procedure: None }));
    }
    if cursor.word("DEALLOCATE") {
        return Some(one(Action::Select { calls: Vec::new() }));
    }
    if cursor.word("CALL") {
        return Some(one(Action::Run { procedure: cursor.name() }));
    }
    if let Some(action) = session::setting(cursor) {
        return Some(one(action));
    }
    if let Some(action) = session::care(cursor) {
        return Some(one(action));
    }
    data::data(cursor)
}

/// Behind `COMMENT ON`.
fn comment(cursor: &mut Cursor<'_>) -> Action {
    if cursor.word("COLUMN") {
        let on = cursor.name().and_then(|name| name.schema).map(|table| Name::bare(&table));
        return Action::Comment { on };
    }
    cursor.any(&["TABLE"]);
    Action::Comment { on: if object::kind(cursor).is_some() { None } else { cursor.name() } }
}

fn rename_tables(cursor: &mut Cursor<'_>) -> Option<Vec<Action>> {
    cursor.if_exists();
    let mut actions = Vec::new();
    loop {
        let table = cursor.name()?;
        cursor.word("TO");
        actions.push(Action::RenameTable { table, to: cursor.name()? });
        if !cursor.symbol(",") {
            return Some(actions);
        }
    }
}
