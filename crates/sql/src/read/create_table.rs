//! `CREATE TABLE`.

use super::{column::column, constraint, cursor::Cursor};
use crate::{Action, CreateTable, Dialect};

/// Behind `TABLE`.
pub(super) fn create_table(cursor: &mut Cursor<'_>, temporary: bool) -> Option<Action> {
    let if_not_exists = cursor.if_not_exists();
    let table = cursor.name()?;
    let mut made = CreateTable {
        table,
        columns: Vec::new(),
        constraints: Vec::new(),
        temporary,
        if_not_exists,
        from_query: false,
        partition_of: None,
        like: Vec::new(),
    };
    if cursor.words(&["PARTITION", "OF"]) {
        made.partition_of = cursor.name();
        return Some(Action::CreateTable(made));
    }
    if cursor.word("LIKE") {
        made.like.extend(cursor.name());
        return Some(Action::CreateTable(made));
    }
    if let Some(inside) = cursor.group() {
        items(&mut Cursor::new(inside, cursor.dialect), &mut made);
    }
    if cursor.word("INHERITS")
        && let Some(inside) = cursor.group()
    {
        made.like.extend(Cursor::new(inside, cursor.dialect).names());
    }
    made.from_query = cursor.later("SELECT") || cursor.later("AS");
    Some(Action::CreateTable(made))
}

fn items(cursor: &mut Cursor<'_>, made: &mut CreateTable) {
    while !cursor.at_end() {
        if cursor.dialect != Dialect::Sqlite && cursor.word("LIKE") {
            made.like.extend(cursor.name());
        } else if constraint::begins(cursor) || (cursor.is("UNIQUE") && cursor.dialect == Dialect::Mysql) {
            made.constraints.extend(constraint::constraint(cursor));
        } else if cursor.dialect == Dialect::Mysql
            && cursor.is_any(&["KEY", "INDEX", "FULLTEXT", "SPATIAL", "PERIOD"])
        {
            // An index of a table that is made with it costs nothing.
        } else if let Some((column, _)) = column(cursor) {
            made.columns.push(column);
        }
        cursor.skip_to_comma();
        if !cursor.symbol(",") {
            cursor.advance();
        }
    }
}
