//! What the database knows of one backfill.

use std::fmt;

use bascule_migrations::{Gate, Version};
use bascule_sql::Dialect;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::quarantine::BadRow;
use super::{clock, schema};
use crate::Row;

/// Which backfill: the migration's version, and the number of the part in it, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id {
    /// The migration.
    pub version: Version,
    /// Its part.
    pub part: u32,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.version, self.part)
    }
}

/// What is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for a runner.
    Pending,
    /// A runner has it, or had it and was ended.
    Running,
    /// A person wants it to wait.
    Paused,
    /// It needs a person: too many rows are refused, or the same ones are always held.
    Failed,
    /// Every row is done.
    Done,
    /// A person gave it up.
    Abandoned,
}

impl State {
    /// As it is written in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Abandoned => "abandoned",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Paused, Self::Failed, Self::Done, Self::Abandoned]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the database knows of one backfill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which.
    pub id: Id,
    /// The table, as it is written.
    pub table: String,
    /// The columns that it goes by.
    pub key: Vec<String>,
    /// The `UPDATE`, as it is written.
    pub statement: String,
    /// What waits for it.
    pub gate: Gate,
    /// What is to become of it.
    pub state: State,
    /// The key of the last row that it has gone past, one text a column.
    pub reached: Option<Vec<String>>,
    /// Rows that the server refused.
    pub bad_rows: Vec<BadRow>,
    /// Rows that it has gone past.
    pub done: u64,
    /// Rows in the table when it began, about.
    pub estimate: Option<u64>,
    /// Rows in the next batch.
    pub batch: u32,
    /// Rows per second, of late.
    pub rate: f64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Who has it.
    pub owner: Option<String>,
    /// How often it has been taken.
    pub epoch: u64,
    /// Seconds since its runner was last heard of.
    pub silent: Option<f64>,
    /// When it was last changed, in milliseconds since 1970 by the server's clock.
    pub updated: i64,
}

impl Record {
    /// About how long it still takes, going on as of late.
    #[must_use]
    pub fn left(&self) -> Option<std::time::Duration> {
        super::progress::left(self.done, self.estimate, self.rate)
    }
}

/// The query for records, without a condition.
pub(super) fn query(dialect: Dialect) -> String {
    format!(
        "SELECT version, part, table_name, key_columns, statement, gate, state, reached, bad_rows, done_rows, estimate, batch, rate, \
         last_error, owner, epoch, {}, {} FROM {}",
        clock::since(dialect, "heard_at"),
        clock::milliseconds(dialect, "updated_at"),
        schema::table(dialect)
    )
}

/// A row of that query.
pub(super) fn read(row: Row) -> Result<Record, Error> {
    let mut values = row.into_iter();
    let mut next = || values.next().flatten();
    let record = (|| {
        Some(Record {
            id: Id { version: Version(next()?), part: next()?.parse().ok()? },
            table: next()?,
            key: serde_json::from_str(&next()?).ok()?,
            statement: next()?,
            gate: match next()?.as_str() {
                "switch" => Gate::Switch,
                "contract" => Gate::Contract,
                _ => return None,
            },
            state: State::read(&next()?)?,
            reached: match next() {
                Some(text) => Some(serde_json::from_str(&text).ok()?),
                None => None,
            },
            bad_rows: serde_json::from_str(&next()?).ok()?,
            done: next()?.parse().ok()?,
            estimate: next().and_then(|rows| rows.parse().ok()),
            batch: next()?.parse().ok()?,
            rate: next()?.parse().ok()?,
            last_error: next(),
            owner: next(),
            epoch: next()?.parse().ok()?,
            silent: next().and_then(|seconds| seconds.parse().ok()),
            updated: next()?.parse::<f64>().ok().map(|at| {
                #[expect(clippy::cast_possible_truncation, reason = "a time of this age of the world")]
                let at = at as i64;
                at
            })?,
        })
    })();
    record.ok_or(Error::Damaged)
}
