//! What a person does with a backfill: it reaches its runner with the next batch, wherever that runs.

use bascule_migrations::{Backfill, Gate, Version};

use super::error::Error;
use super::record::{self, Id, Record, State};
use super::{clock, schema};
use crate::{Connection, DatabaseError};

/// Enters a backfill, so that it can be run. One that is there already stays as it is, as long as it is the same.
///
/// # Errors
/// [`Error::Changed`] when it has begun with another statement, table or key.
pub async fn define(connection: &mut Connection, id: &Id, backfill: &Backfill) -> Result<Record, Error> {
    let failed = Error::query("entering the backfill");
    schema::ensure(connection).await.map_err(failed)?;
    if find(connection, id).await?.is_none() {
        let sql = insert(connection, id, backfill);
        if let Err(error) = connection.run(&sql).await {
            // Somebody else entered it a moment ago.
            if !["23505", "1062", "1555", "2067"].iter().any(|code| error.is(code)) {
                return Err(Error::Query { doing: "entering the backfill", source: error });
            }
        }
    }
    let found = find(connection, id).await?.ok_or_else(|| Error::Unknown(id.clone()))?;
    let same = found.statement == backfill.statement.text
        && found.table == backfill.table
        && same_columns(&found.key, &backfill.key);
    if same { Ok(found) } else { Err(Error::Changed(id.clone())) }
}

fn same_columns(one: &[String], two: &[String]) -> bool {
    one.len() == two.len() && one.iter().all(|column| two.contains(column))
}

fn insert(connection: &Connection, id: &Id, backfill: &Backfill) -> String {
    let dialect = connection.dialect();
    let key = serde_json::Value::from(backfill.key.clone()).to_string();
    let gate = match backfill.gate {
        Gate::Switch => "switch",
        Gate::Contract => "contract",
    };
    let text = |text: &str| connection.literal(text);
    format!(
        "INSERT INTO {} (version, part, table_name, key_columns, statement, gate, state, bad_rows, batch, made_at, updated_at) \
         VALUES ({}, {}, {}, {}, {}, {}, 'pending', '[]', {}, {now}, {now})",
        schema::table(dialect),
        text(&id.version.0),
        id.part,
        text(&backfill.table),
        text(&key),
        text(&backfill.statement.text),
        text(gate),
        backfill.batch,
        now = clock::now(dialect),
    )
}

/// One of them.
///
/// # Errors
/// What the server says.
pub async fn find(connection: &mut Connection, id: &Id) -> Result<Option<Record>, Error> {
    let sql = format!("{} WHERE {}", record::query(connection.dialect()), which(connection, id));
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the backfill"))?;
    rows.into_iter().next().map(record::read).transpose()
}

/// All of them, in the order of their versions; none where the table is not there.
///
/// # Errors
/// What the server says.
pub async fn list(connection: &mut Connection) -> Result<Vec<Record>, Error> {
    let dialect = connection.dialect();
    let there = format!("SELECT 1 FROM {} LIMIT 0", schema::table(dialect));
    if let Err(error) = connection.rows(&there).await {
        let missing = ["42P01", "3F000", "1146", "1"].iter().any(|code| error.is(code));
        let doing = "listing backfills";
        return if missing { Ok(Vec::new()) } else { Err(Error::Query { doing, source: error }) };
    }
    let sql = format!("{} ORDER BY version, part", record::query(dialect));
    let rows = connection.rows(&sql).await.map_err(Error::query("listing backfills"))?;
    rows.into_iter().map(record::read).collect()
}

/// Forgets the backfills of a migration that is applied anew after it was taken back: its rows are to be filled in again.
///
/// # Errors
/// What the server says.
pub async fn forget(connection: &mut Connection, version: &Version) -> Result<(), DatabaseError> {
    let table = schema::table(connection.dialect());
    // Where no backfill was ever begun, there is no such table.
    if connection.rows(&format!("SELECT 1 FROM {table} LIMIT 0")).await.is_err() {
        return Ok(());
    }
    let version = connection.literal(&version.0);
    connection.run(&format!("DELETE FROM {table} WHERE version = {version}")).await.map(|_| ())
}

/// Forgets one that is over: it is to be gone through again from its first row.
///
/// # Errors
/// What the server says.
pub(crate) async fn forget_one(connection: &mut Connection, id: &Id) -> Result<(), Error> {
    let sql = format!("DELETE FROM {} WHERE {}", schema::table(connection.dialect()), which(connection, id));
    connection.run(&sql).await.map(drop).map_err(Error::query("forgetting an earlier backfill"))
}

/// Has it wait. When this returns, no batch of it is under way, and none begins.
///
/// # Errors
/// [`Error::Unknown`], [`Error::State`].
pub async fn pause(connection: &mut Connection, id: &Id) -> Result<(), Error> {
    set(connection, id, State::Paused, &[State::Pending, State::Running, State::Paused], "paused").await
}

/// Has it go on, at the next runner. Of one that is done, the rows that the server refused are tried again.
///
/// # Errors
/// [`Error::Unknown`], [`Error::State`].
pub async fn resume(connection: &mut Connection, id: &Id) -> Result<(), Error> {
    let from = [State::Pending, State::Paused, State::Failed, State::Abandoned, State::Done];
    set(connection, id, State::Pending, &from, "resumed").await
}

/// Gives it up for good: what waits for it does not wait any more. The rows that are done stay so.
///
/// # Errors
/// [`Error::Unknown`], [`Error::State`].
pub async fn abandon(connection: &mut Connection, id: &Id) -> Result<(), Error> {
    let from = [State::Pending, State::Running, State::Paused, State::Failed, State::Abandoned];
    set(connection, id, State::Abandoned, &from, "abandoned").await
}

async fn set(
    connection: &mut Connection,
    id: &Id,
    to: State,
    from: &[State],
    wish: &'static str,
) -> Result<(), Error> {
    let states: Vec<_> = from.iter().map(|state| format!("'{state}'")).collect();
    let dialect = connection.dialect();
    // Who runs it is told by the state that it finds: the epoch stays its own, so that it can say so and let go.
    let sql = format!(
        "UPDATE {} SET state = '{to}', updated_at = {} WHERE {} AND state IN ({})",
        schema::table(dialect),
        clock::now(dialect),
        which(connection, id),
        states.join(", "),
    );
    let changed = connection.run(&sql).await.map_err(Error::query("changing the backfill's state"))?;
    if changed > 0 {
        return Ok(());
    }
    match find(connection, id).await? {
        Some(found) => Err(Error::State { id: id.clone(), state: found.state, wish }),
        None => Err(Error::Unknown(id.clone())),
    }
}

/// The condition for one of them.
pub(super) fn which(connection: &Connection, id: &Id) -> String {
    format!("version = {} AND part = {}", connection.literal(&id.version.0), id.part)
}
