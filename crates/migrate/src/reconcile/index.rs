//! Invalid indexes that a statement of ours leaves when it is interrupted: they cost every write and serve no query.

use bascule_sql::{Action, CreateIndex, Dialect, Reindex, Statement};

use crate::connection::{Connection, literal};
use crate::error::Error;

/// The invalid indexes that an earlier try of this statement can have left, as names to drop them by. `seen_before` is what the catalog
/// said before the statement was sent: without it, an index whose name the server makes cannot be told from others.
pub(crate) async fn remains(
    connection: &mut Connection,
    statement: &Statement,
    seen_before: Option<&str>,
) -> Result<Vec<String>, Error> {
    if connection.dialect() != Dialect::Postgres {
        return Ok(Vec::new());
    }
    let reading = bascule_sql::read(statement, Dialect::Postgres);
    let conditions: Vec<String> = reading
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::CreateIndex(index) if index.concurrently => of_create(index, seen_before),
            Action::Reindex(reindex) if reindex.concurrently => Some(of_reindex(reindex)),
            _ => None,
        })
        .collect();
    if conditions.is_empty() {
        return Ok(Vec::new());
    }
    // One that somebody builds at this moment is invalid as well.
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE NOT i.indisvalid AND c.relkind = 'i' AND ({}) AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p \
         WHERE p.index_relid = i.indexrelid AND p.pid <> pg_backend_pid())",
        conditions.join(" OR ")
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("looking for invalid indexes"))?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Whether a statement of this kind can leave an invalid index.
pub(crate) fn leaves_remains(dialect: Dialect, statement: &Statement) -> bool {
    dialect == Dialect::Postgres
        && bascule_sql::read(statement, dialect).actions.iter().any(|action| match action {
            Action::CreateIndex(index) => index.concurrently,
            Action::Reindex(reindex) => reindex.concurrently,
            _ => false,
        })
}

fn of_create(index: &CreateIndex, seen_before: Option<&str>) -> Option<String> {
    let table = literal(Dialect::Postgres, &index.table.written);
    let table = format!("i.indrelid = to_regclass({table})");
    if let Some(name) = &index.index {
        return Some(format!("{table} AND c.relname = {}", literal(Dialect::Postgres, &name.name)));
    }
    let numbers = seen_before?.split(',').map(|number| number.trim_end_matches('!').parse::<u32>());
    let known: Vec<String> = numbers.filter_map(Result::ok).map(|number| number.to_string()).collect();
    // The table's own number is none of an index.
    Some(format!(
        "{table} AND i.indexrelid NOT IN (i.indrelid{}{})",
        if known.is_empty() { "" } else { ", " },
        known.join(", ")
    ))
}

fn of_reindex(reindex: &Reindex) -> String {
    let concurrent = "c.relname ~ '_cc(new|old)[0-9]*$'";
    let name = reindex.name.as_ref().map(|name| literal(Dialect::Postgres, &name.written));
    match (reindex.what.as_str(), name) {
        ("INDEX", Some(name)) => format!(
            "{concurrent} AND i.indrelid = (SELECT o.indrelid FROM pg_index o WHERE o.indexrelid = to_regclass({name}))"
        ),
        ("TABLE", Some(name)) => format!(
            "{concurrent} AND (i.indrelid = to_regclass({name}) OR i.indrelid = \
             (SELECT t.reltoastrelid FROM pg_class t WHERE t.oid = to_regclass({name})))"
        ),
        ("SCHEMA", Some(name)) => format!("{concurrent} AND n.nspname = {name}"),
        _ => concurrent.to_owned(),
    }
}
