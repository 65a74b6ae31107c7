//! Rows that a constraint cannot be had for: PostgreSQL says that there are some, and not which.

use bascule_sql::{Action, ConstraintKind, Dialect, Name, Statement, read};

use crate::connection::{Connection, identifier, literal};
use crate::error::DatabaseError;

/// So many of them are shown.
const SHOWN: usize = 5;
/// `check_violation` and `not_null_violation`.
const CODES: [&str; 2] = ["23514", "23502"];

/// What has to hold for each row of a table.
#[derive(Debug, PartialEq, Eq)]
struct Condition {
    table: String,
    holds: String,
}

/// The error with the keys of some of these rows in its detail, where they can be found.
pub(super) async fn shown(
    connection: &mut Connection,
    statements: &[Statement],
    at: usize,
    mut error: DatabaseError,
) -> DatabaseError {
    if let Some(rows) = found(connection, statements, at, &error).await {
        let detail = error.detail.take().map(|detail| format!("{detail}\n")).unwrap_or_default();
        error.detail = Some(format!("{detail}among these rows: {rows}"));
    }
    error
}

/// The keys of some of the rows for which one of the statements failed, outside of its transaction.
pub(crate) async fn found(
    connection: &mut Connection,
    statements: &[Statement],
    at: usize,
    error: &DatabaseError,
) -> Option<String> {
    let is_of_rows = error.code.as_deref().is_some_and(|code| CODES.contains(&code));
    if connection.dialect() != Dialect::Postgres || !is_of_rows {
        return None;
    }
    rows(connection, statements, at).await
}

async fn rows(connection: &mut Connection, statements: &[Statement], at: usize) -> Option<String> {
    let condition = condition(connection, statements, at).await?;
    let key = key(connection, &condition.table).await?;
    let columns: Vec<String> = key.iter().map(|column| identifier(Dialect::Postgres, column)).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE NOT ({}) ORDER BY {} LIMIT {}",
        columns.join(", "),
        condition.table,
        condition.holds,
        columns.join(", "),
        SHOWN + 1
    );
    let found = connection.rows(&sql).await.ok().filter(|found| !found.is_empty())?;
    let words = found.iter().take(SHOWN).map(|row| {
        let values = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>();
        values.join(", ")
    });
    let more = if found.len() > SHOWN { "; and more" } else { "" };
    Some(format!("{} {}{more}", key.join(", "), words.collect::<Vec<_>>().join("; ")))
}

/// What the statement asks of rows.
async fn condition(connection: &mut Connection, statements: &[Statement], at: usize) -> Option<Condition> {
    let actions = read(statements.get(at)?, Dialect::Postgres).actions;
    for action in &actions {
        match action {
            Action::ValidateConstraint { table, constraint } => {
                let holds = match standing(connection, table, constraint).await {
                    Some(holds) => holds,
                    // It was added in the same transaction, and went with it.
                    None => added(&statements[..at], table, constraint)?,
                };
                return Some(Condition { table: table.written.clone(), holds });
            }
            other => {
                if let Some(condition) = asked(other, None) {
                    return Some(condition);
                }
            }
        }
    }
    None
}

/// The expression of a constraint that is there.
async fn standing(connection: &mut Connection, table: &Name, constraint: &str) -> Option<String> {
    let sql = format!(
        "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint \
         WHERE contype = 'c' AND conrelid = to_regclass({}) AND conname = {}",
        literal(Dialect::Postgres, &table.written),
        literal(Dialect::Postgres, constraint)
    );
    connection.rows(&sql).await.ok()?.into_iter().flatten().flatten().next()
}

/// The expression of a constraint that one of these statements adds.
fn added(statements: &[Statement], table: &Name, constraint: &str) -> Option<String> {
    let actions = statements.iter().flat_map(|statement| read(statement, Dialect::Postgres).actions);
    actions
        .filter_map(|action| asked(&action, Some(constraint)))
        .find(|condition| condition.table == table.written)
        .map(|condition| condition.holds)
}

/// What an action asks of rows; only the constraint of that name, where one is given.
fn asked(action: &Action, name: Option<&str>) -> Option<Condition> {
    match action {
        Action::AddConstraint { table, constraint } => match &constraint.kind {
            ConstraintKind::Check { expression } if name.is_none() || name == constraint.name.as_deref() => {
                Some(Condition { table: table.written.clone(), holds: expression.clone() })
            }
            _ => None,
        },
        Action::SetNotNull { table, column } if name.is_none() => Some(Condition {
            table: table.written.clone(),
            holds: format!("{} IS NOT NULL", identifier(Dialect::Postgres, column)),
        }),
        _ => None,
    }
}

/// The columns of the primary key.
async fn key(connection: &mut Connection, table: &str) -> Option<Vec<String>> {
    let sql = format!(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
         WHERE i.indisprimary AND i.indrelid = to_regclass({}) ORDER BY array_position(i.indkey, a.attnum)",
        literal(Dialect::Postgres, table)
    );
    let found = connection.rows(&sql).await.ok()?;
    let key: Vec<String> = found.into_iter().flatten().flatten().collect();
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_rows() {
        let of = |text: &str| {
            let statement = Statement { text: text.to_owned(), line: 1 };
            let actions = read(&statement, Dialect::Postgres).actions;
            actions.iter().find_map(|action| asked(action, None)).map(|condition| condition.holds)
        };
        for (text, expected) in [
            ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", Some("b > 0")),
            ("ALTER TABLE a ALTER b SET NOT NULL", Some("\"b\" IS NOT NULL")),
            ("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c", None),
            ("ALTER TABLE a ADD COLUMN b int", None),
        ] {
            assert_eq!(of(text).as_deref(), expected, "{text}");
        }
    }
}
