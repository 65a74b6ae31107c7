//! How hard a backfill works.

use std::time::Duration;

use bascule_sql::Dialect;

use super::{Limits, Pace};

/// How hard a backfill works, and when it gives way.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The size of batches.
    pub pace: Pace,
    /// Rest after a batch, as a share of the time that it took.
    pub rest: f64,
    /// But at least so long.
    pub least_rest: Duration,
    /// So many times a batch is tried whose rows others hold.
    pub attempts: u32,
    /// So many rows that the server refuses are put aside; one more and the backfill fails.
    pub bad_rows: u32,
    /// When it waits for replicas and for others.
    pub limits: Limits,
    /// A runner that has not been heard of for so long has lost the backfill. Where the server can be asked whether the runner's
    /// connection is there, that says it at once.
    pub lease: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            rest: 0.05,
            least_rest: Duration::ZERO,
            attempts: 12,
            bad_rows: 20,
            limits: Limits::default(),
            lease: Duration::from_secs(15),
        }
    }
}

impl Options {
    /// What fits a kind of server. SQLite has one writer at a time, and no queue of those who wait: they come again and again, so there
    /// has to be room between two batches.
    #[must_use]
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres | Dialect::Mysql => Self::default(),
            Dialect::Sqlite => Self {
                pace: Pace { target: Duration::from_millis(50), ..Pace::default() },
                rest: 1.0,
                least_rest: Duration::from_millis(20),
                lease: Duration::from_secs(5),
                ..Self::default()
            },
        }
    }
}
