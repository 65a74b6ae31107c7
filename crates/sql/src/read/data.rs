//! Statements about rows.

use super::cursor::Cursor;
use crate::{Action, CreateTable, Dialect, Name, Statement};

/// What a statement about rows does; none where it is about something else.
pub(super) fn data(cursor: &mut Cursor<'_>) -> Option<Vec<Action>> {
    if cursor.is("WITH") {
        return with(cursor);
    }
    // `(SELECT …) UNION …`.
    if cursor.is_symbol("(") {
        while cursor.symbol("(") {}
        return cursor.is_any(&["SELECT", "VALUES", "WITH"]).then(|| vec![query(cursor)]);
    }
    let action = if cursor.is_any(&["SELECT", "VALUES", "TABLE"]) {
        select(cursor)
    } else if cursor.is_any(&["INSERT", "REPLACE", "MERGE"]) {
        insert(cursor)?
    } else if cursor.word("UPDATE") {
        update(cursor)?
    } else if cursor.word("DELETE") {
        delete(cursor)?
    } else if cursor.word("COPY") {
        copy(cursor)?
    } else if cursor.word("LOAD") {
        cursor.find_word("TABLE");
        Action::Insert { table: cursor.name()?, overwrites: false }
    } else {
        return None;
    };
    Some(vec![action])
}

/// A query, with those of its functions that may change something.
pub(super) fn query(cursor: &Cursor<'_>) -> Action {
    let mut calls = cursor.calls();
    calls.retain(|call| !is_harmless(call));
    Action::Select { calls }
}

/// `SELECT … INTO table` makes a table with PostgreSQL.
fn select(cursor: &mut Cursor<'_>) -> Action {
    let query = query(cursor);
    if cursor.dialect == Dialect::Postgres && cursor.find_word("INTO") {
        let temporary = cursor.any(&["TEMP", "TEMPORARY"]);
        cursor.any(&["UNLOGGED", "TABLE"]);
        if let Some(table) = cursor.name() {
            return Action::CreateTable(CreateTable {
                table,
                columns: Vec::new(),
                constraints: Vec::new(),
                temporary,
                if_not_exists: false,
                from_query: true,
                partition_of: None,
                like: Vec::new(),
            });
        }
    }
    query
}

/// Queries with names; each may change rows itself with PostgreSQL.
fn with(cursor: &mut Cursor<'_>) -> Option<Vec<Action>> {
    cursor.word("WITH");
    cursor.word("RECURSIVE");
    let mut actions = Vec::new();
    loop {
        cursor.identifier()?;
        if cursor.is_symbol("(") {
            cursor.group();
        }
        cursor.word("AS");
        cursor.word("NOT");
        cursor.word("MATERIALIZED");
        let inside = cursor.group()?;
        let mut inner = Cursor::new(inside, cursor.dialect);
        if inner.is_any(&["INSERT", "UPDATE", "DELETE", "MERGE"]) {
            actions.extend(data(&mut inner).unwrap_or_default());
        }
        if !cursor.symbol(",") {
            break;
        }
    }
    actions.extend(data(cursor)?);
    if actions.len() > 1 {
        actions.retain(|action| !matches!(action, Action::Select { .. }));
    }
    Some(actions)
}

fn insert(cursor: &mut Cursor<'_>) -> Option<Action> {
    let mut overwrites = cursor.is_any(&["REPLACE", "MERGE"]);
    cursor.advance();
    if cursor.word("OR") {
        overwrites |= cursor.is("REPLACE");
        cursor.advance();
    }
    while cursor.any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]) {}
    cursor.word("INTO");
    cursor.word("ONLY");
    let table = cursor.name()?;
    overwrites |= cursor.later_words(&["DO", "UPDATE"]) || cursor.later_words(&["DUPLICATE", "KEY"]);
    Some(Action::Insert { table, overwrites })
}

fn update(cursor: &mut Cursor<'_>) -> Option<Action> {
    if cursor.word("OR") {
        cursor.advance();
    }
    while cursor.any(&["LOW_PRIORITY", "IGNORE", "ONLY"]) {}
    let table = cursor.name()?;
    let filtered = cursor.later("WHERE") || cursor.later("LIMIT");
    let columns = if cursor.find_word("SET") { assigned(cursor) } else { Vec::new() };
    Some(Action::Update { table, columns, filtered })
}

/// The columns of `a = 1, t.b = 2, (c, d) = (…)`.
fn assigned(cursor: &mut Cursor<'_>) -> Vec<String> {
    let mut columns = Vec::new();
    loop {
        if cursor.is_symbol("(") {
            columns.extend(cursor.columns());
        } else {
            columns.extend(cursor.name().map(|name| name.name));
        }
        while !(cursor.at_end()
            || cursor.is_symbol(",")
            || cursor.is_any(&["FROM", "WHERE", "RETURNING", "ORDER", "LIMIT"]))
        {
            cursor.skip();
        }
        if !cursor.symbol(",") {
            return columns;
        }
    }
}

/// The functions that a statement calls, in lower case and without their schemas.
#[must_use]
pub fn called_functions(statement: &Statement, dialect: Dialect) -> Vec<String> {
    Cursor::new(&statement.text, dialect).calls()
}

fn delete(cursor: &mut Cursor<'_>) -> Option<Action> {
    while cursor.any(&["LOW_PRIORITY", "QUICK", "IGNORE"]) {}
    let filtered = cursor.later("WHERE") || cursor.later("LIMIT");
    let table = if cursor.word("FROM") {
        cursor.word("ONLY");
        cursor.name()?
    } else {
        // MySQL: `DELETE a FROM a JOIN b …`.
        let table = cursor.name()?;
        if cursor.find_word("FROM") { aliased(cursor, table) } else { table }
    };
    Some(Action::Delete { table, filtered: filtered || cursor.later("JOIN") })
}

/// The table of which a name is the alias, where it is written so.
fn aliased(cursor: &mut Cursor<'_>, alias: Name) -> Name {
    let Some(table) = cursor.name() else { return alias };
    cursor.word("AS");
    let is_alias = cursor.identifier().is_some_and(|name| name.eq_ignore_ascii_case(&alias.name));
    if is_alias { table } else { alias }
}

fn copy(cursor: &mut Cursor<'_>) -> Option<Action> {
    if cursor.is_symbol("(") {
        return Some(Action::Select { calls: Vec::new() });
    }
    let table = cursor.name()?;
    cursor.group();
    if cursor.is("TO") {
        return Some(Action::Select { calls: Vec::new() });
    }
    Some(Action::Insert { table, overwrites: false })
}

/// Functions that change nothing, of those that stand in migrations.
const HARMLESS: [&str; 75] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "coalesce",
    "nullif",
    "lower",
    "upper",
    "length",
    "substr",
    "substring",
    "now",
    "exists",
    "in",
    "any",
    "all",
    "some",
    "not",
    "and",
    "or",
    "values",
    "over",
    "filter",
    "row_number",
    "rank",
    "array",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "json_build_object",
    "jsonb_build_object",
    "group_concat",
    "concat",
    "concat_ws",
    "cast",
    "convert",
    "extract",
    "date_trunc",
    "date",
    "datetime",
    "strftime",
    "if",
    "ifnull",
    "isnull",
    "trim",
    "replace",
    "round",
    "abs",
    "unnest",
    "generate_series",
    "to_regclass",
    "has_table_privilege",
    "version",
    "current_setting",
    "current_schema",
    "database",
    "schema",
    "pg_get_constraintdef",
    "pg_get_viewdef",
    "format",
    "to_char",
    "position",
    "random",
    "gen_random_uuid",
    "sleep",
    "pg_sleep",
    "select",
    "using",
    "on",
    "union",
    "intersect",
    "except",
    "from",
];

fn is_harmless(call: &str) -> bool {
    HARMLESS.contains(&call)
}

/// Whether a statement is one that only asks (`EXPLAIN`, `SHOW`, …).
pub(super) fn asks(cursor: &Cursor<'_>) -> bool {
    cursor.is_any(&["SHOW", "DESCRIBE", "DESC"])
        || (cursor.is("EXPLAIN")
            && !(cursor.dialect == Dialect::Postgres && cursor.is_word_ahead(1, "ANALYZE")))
}
