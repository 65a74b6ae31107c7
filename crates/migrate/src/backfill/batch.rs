//! One batch: the key that it ends at, its rows, and the place that was reached, in one transaction.

use std::time::{Duration, Instant};

use bascule_sql::{Dialect, Narrowed};

use super::error::Error;
use super::key::Key;
use super::quarantine::BadRow;
use super::range::TABLE;
use super::record::Id;
use super::{clock, control, schema};
use crate::{Connection, DatabaseError};

/// What does not change from batch to batch.
pub(super) struct Batches {
    pub id: Id,
    pub table: String,
    pub key: Key,
    pub statement: Narrowed,
    /// The turn of ours: whoever takes the backfill over makes it a higher one.
    pub epoch: u64,
}

/// The rows of one batch.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub after: Option<Vec<String>>,
    pub upto: Vec<String>,
    pub rows: u32,
    /// There were no rows behind it when it was looked for.
    pub last: bool,
}

/// What is saved with a batch.
pub(super) struct Saved {
    pub done: u64,
    pub batch: u32,
    pub rate: f64,
}

/// How a batch ended that is not committed.
pub(super) enum Failed {
    /// The state has changed, or another runner has it.
    NotOurs,
    /// The rows are held, or the server is too busy.
    Contention(DatabaseError),
    /// The rows are refused.
    Refused(DatabaseError),
    /// Nothing can be done on this connection any more, or our own table fails.
    Fatal(Error),
}

impl Batches {
    /// The next rows behind a place, at most so many; none at the end of the table.
    pub async fn next(
        &self,
        connection: &mut Connection,
        after: Option<&[String]>,
        rows: u32,
    ) -> Result<Option<Range>, Error> {
        let doing = "looking for the next batch";
        let (key, table) = (&self.key, &self.table);
        let behind = key.range("", after, None)?;
        let (texts, order) = (key.texts(), key.order(""));
        let sql = format!(
            "SELECT {texts} FROM {table} AS {TABLE} WHERE {behind} ORDER BY {order} LIMIT 1 OFFSET {}",
            rows.saturating_sub(1)
        );
        if let Some(row) = connection.rows(&sql).await.map_err(Error::query(doing))?.pop() {
            return Ok(Some(Range {
                after: after.map(<[_]>::to_vec),
                upto: not_null(row)?,
                rows,
                last: false,
            }));
        }
        // Fewer than that are left.
        let sql = format!(
            "SELECT {texts} FROM {table} AS {TABLE} WHERE {behind} ORDER BY {} LIMIT 1",
            key.order(" DESC")
        );
        let Some(row) = connection.rows(&sql).await.map_err(Error::query(doing))?.pop() else {
            return Ok(None);
        };
        let upto = not_null(row)?;
        let range = key.range("", after, Some(&upto))?;
        let sql = format!("SELECT count(*) FROM {table} WHERE {range}");
        let count = connection.value(&sql).await.map_err(Error::query(doing))?;
        let rows = count.and_then(|count| count.parse().ok()).unwrap_or(rows);
        Ok(Some(Range { after: after.map(<[_]>::to_vec), upto, rows, last: true }))
    }

    /// Changes the rows of a range and saves that it was reached. Gives how long others had to wait for that: not how long we
    /// waited for our turn, or batches would shrink and rest because a server is busy, and never come to an end.
    pub async fn run(
        &self,
        connection: &mut Connection,
        range: &Range,
        saved: &Saved,
    ) -> Result<Duration, Failed> {
        let of = self.statement.target();
        let condition =
            self.key.range(of, range.after.as_deref(), Some(&range.upto)).map_err(Failed::Fatal)?;
        let reached = connection.literal(&place(&range.upto));
        let save = format!(
            "reached = {reached}, done_rows = {}, batch = {}, rate = {}",
            saved.done, saved.batch, saved.rate
        );
        self.transaction(connection, &self.statement.with(&condition), &save).await
    }

    /// Saves that a row was refused, and the place behind it.
    pub async fn put_aside(
        &self,
        connection: &mut Connection,
        range: &Range,
        bad: &[BadRow],
        done: u64,
    ) -> Result<(), Failed> {
        let reached = connection.literal(&place(&range.upto));
        let bad = self.bad_rows(connection, bad)?;
        let save = format!("reached = {reached}, done_rows = {done}, {bad}");
        self.transaction(connection, "", &save).await.map(drop)
    }

    /// Tries one row again that was refused; `left` are those that stay so then.
    pub async fn again(
        &self,
        connection: &mut Connection,
        row: &BadRow,
        left: &[BadRow],
    ) -> Result<(), Failed> {
        let condition = self.key.only(self.statement.target(), &row.key).map_err(Failed::Fatal)?;
        let save = self.bad_rows(connection, left)?;
        self.transaction(connection, &self.statement.with(&condition), &save).await.map(drop)
    }

    fn bad_rows(&self, connection: &Connection, bad: &[BadRow]) -> Result<String, Failed> {
        let text = serde_json::to_string(bad).map_err(|_| Failed::Fatal(Error::Damaged))?;
        let text = connection.literal(&text);
        Ok(format!("bad_rows = {text}"))
    }

    /// Says that we are still there; false when the backfill is not ours any more, or not to go on.
    pub async fn beat(&self, connection: &mut Connection) -> Result<bool, DatabaseError> {
        let changed = connection.run(&self.claim(connection)).await?;
        Ok(changed > 0)
    }

    fn claim(&self, connection: &Connection) -> String {
        format!(
            "UPDATE {} SET heard_at = {} WHERE {} AND epoch = {} AND state = 'running'",
            schema::table(connection.dialect()),
            clock::now(connection.dialect()),
            control::which(connection, &self.id),
            self.epoch
        )
    }

    async fn transaction(
        &self,
        connection: &mut Connection,
        statement: &str,
        save: &str,
    ) -> Result<Duration, Failed> {
        match self.attempt(connection, statement, save).await {
            Ok(held) => Ok(held),
            Err(failed) => {
                // Of a connection that broke, the server takes the transaction back itself.
                let rolled_back = connection.run("ROLLBACK").await;
                match (&failed, rolled_back) {
                    (Failed::Fatal(_), _) | (_, Ok(_)) => Err(failed),
                    // Some errors have ended SQLite's transaction already.
                    (_, Err(_)) if connection.dialect() == Dialect::Sqlite => Err(failed),
                    (_, Err(source)) => {
                        Err(Failed::Fatal(Error::Query { doing: "taking a batch back", source }))
                    }
                }
            }
        }
    }

    async fn attempt(
        &self,
        connection: &mut Connection,
        statement: &str,
        save: &str,
    ) -> Result<Duration, Failed> {
        let dialect = connection.dialect();
        let claim = self.claim(connection);
        // The row of ours is held until the commit: whoever pauses the backfill waits for the batch, and knows then that it rests.
        let claimed = match dialect {
            // SQLite says of BEGIN what it said of the statement before.
            Dialect::Sqlite => match connection.run("BEGIN IMMEDIATE").await {
                Ok(_) => connection.run(&claim).await,
                Err(error) => Err(error),
            },
            Dialect::Postgres | Dialect::Mysql => connection.run(&format!("BEGIN; {claim}")).await,
        };
        if claimed.map_err(|error| failed(dialect, error, &Held::Ours))? == 0 {
            return Err(Failed::NotOurs);
        }
        let held = Instant::now();
        let save = format!(
            "UPDATE {} SET {save}, updated_at = {} WHERE {}",
            schema::table(dialect),
            clock::now(dialect),
            control::which(connection, &self.id)
        );
        let rest = if statement.is_empty() {
            format!("{save}; COMMIT")
        } else {
            format!("{statement}; {save}; COMMIT")
        };
        connection.run(&rest).await.map(|_| held.elapsed()).map_err(|error| {
            let theirs = !statement.is_empty() && error.completed == 0;
            failed(dialect, error, if theirs { &Held::Theirs } else { &Held::Ours })
        })
    }
}

/// Whose statement failed.
enum Held {
    Ours,
    Theirs,
}

fn failed(dialect: Dialect, error: DatabaseError, whose: &Held) -> Failed {
    if error.broken() {
        return Failed::Fatal(Error::Query { doing: "a batch", source: error });
    }
    if contention(dialect, &error) {
        return Failed::Contention(error);
    }
    match whose {
        Held::Theirs => Failed::Refused(error),
        Held::Ours => {
            Failed::Fatal(Error::Query { doing: "saving the place that a batch reached", source: error })
        }
    }
}

/// Whether the same may go well in a moment, or with fewer rows.
fn contention(dialect: Dialect, error: &DatabaseError) -> bool {
    let codes: &[&str] = match dialect {
        // Serialization, deadlock, lock timeout, cancelled by a timeout, out of memory for locks.
        Dialect::Postgres => &["40001", "40P01", "55P03", "57014", "53200"],
        // Lock wait timeout, deadlock, statement timeout, too many locks.
        Dialect::Mysql => &["1205", "1213", "3024", "1969", "1206"],
        // Busy and locked, with what is said of them.
        Dialect::Sqlite => &["5", "6", "261", "262", "517", "773"],
    };
    codes.iter().any(|code| error.is(code))
}

fn place(key: &[String]) -> String {
    serde_json::Value::from(key.to_vec()).to_string()
}

fn not_null(row: crate::Row) -> Result<Vec<String>, Error> {
    row.into_iter().collect::<Option<Vec<_>>>().ok_or(Error::Damaged)
}
