//! What came of a statement that was interrupted, by what the catalog says now and said before it was sent.
//!
//! A server's schema change is whole or not at all, and only the holder of the lease makes one: where the catalog has not changed,
//! nothing came about; where it has, the statement did. What the catalog does not tell is left to a person.

mod index;
mod mysql;
mod postgres;
mod probe;
mod unclear;

pub(crate) use index::{leaves_remains, remains};
pub(crate) use probe::probe;
pub use unclear::Unclear;

use bascule_sql::{Dialect, Statement};

use crate::connection::Connection;
use crate::error::Error;
use crate::journal::{Step, StepState};

/// What came of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is applied.
    Done,
    /// It is not, or it does no harm to run it again.
    NotDone,
    /// It is half done, and this statement brings it to its end.
    Finish(String),
    /// That cannot be told.
    Unclear(Box<Unclear>),
}

/// Looks up what came of a statement.
pub(crate) async fn look(connection: &mut Connection, step: &Step) -> Result<Verdict, Error> {
    if step.state == StepState::Failed {
        // The server said so. What it left is dropped before the statement is sent again.
        return Ok(Verdict::NotDone);
    }
    let dialect = connection.dialect();
    let statement = Statement { text: step.statement.clone(), line: step.line };
    let Some(probe) = probe(dialect, &statement) else {
        return Ok(Verdict::Unclear(Box::new(Unclear::new(step, None))));
    };
    let now = connection.value(&format!("SELECT {}", probe.sql())).await;
    let now = now.map_err(Error::query("looking up what came of a statement"))?;
    let before = step.seen_before.as_deref();
    let verdict = match dialect {
        Dialect::Postgres => postgres::judge(&probe, before, now.as_deref()),
        Dialect::Mysql => mysql::judge(&probe, before, now.as_deref()),
        // Whatever runs alone there can run again.
        Dialect::Sqlite => Some(Verdict::NotDone),
    };
    Ok(verdict.unwrap_or_else(|| Verdict::Unclear(Box::new(Unclear::new(step, now)))))
}
