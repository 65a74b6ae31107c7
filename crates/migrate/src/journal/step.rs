//! One statement in the journal.

use bascule_migrations::{Phase, Version};
use serde::{Deserialize, Serialize};

use super::record::words;
use super::tables::table;
use crate::connection::{Connection, Row};
use crate::error::Error;

/// Which part of a migration a statement belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepPhase {
    /// Its expand.
    Expand,
    /// Its backfills, where they are run as plain statements.
    Backfill,
    /// Its contract.
    Contract,
    /// What takes its expand back.
    Down,
    /// What takes its contract back, while that can be.
    Restore,
}

words!(StepPhase {
    Expand => "expand",
    Backfill => "backfill",
    Contract => "contract",
    Down => "down",
    Restore => "restore",
});

impl From<Phase> for StepPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Expand => Self::Expand,
            Phase::Backfill => Self::Backfill,
            Phase::Contract => Self::Contract,
        }
    }
}

/// How far a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It was sent, outside of a transaction with its row; what came of it is looked up.
    Running,
    /// The server refused it, and what it had left was taken away.
    Failed,
    /// It is applied.
    Done,
}

words!(StepState { Running => "running", Failed => "failed", Done => "done" });

/// One statement in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its migration.
    pub version: Version,
    /// Which application of it.
    pub attempt: u32,
    /// Which part.
    pub phase: StepPhase,
    /// Its place in the part, from 0.
    pub number: usize,
    /// Its line in the file.
    pub line: usize,
    /// The statement.
    pub statement: String,
    /// How far it is.
    pub state: StepState,
    /// What the catalog said before it was sent, in a form of our own.
    pub seen_before: Option<String>,
    /// What the server said when it refused it.
    pub error: Option<String>,
}

const COLUMNS: &str = "version, attempt, phase, number, line, statement, state, seen_before, error";

/// The statements of one part.
pub async fn steps(
    connection: &mut Connection,
    version: &Version,
    attempt: u32,
    phase: StepPhase,
) -> Result<Vec<Step>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {} WHERE version = {} AND attempt = {attempt} AND phase = '{phase}' ORDER BY number",
        table(connection.dialect(), "step"),
        connection.literal(&version.0),
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the journal"))?;
    rows.into_iter().map(step).collect()
}

/// The statements of which it is not known what came of them, or that failed, of parts that are not done.
pub async fn open_steps(connection: &mut Connection) -> Result<Vec<Step>, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {} WHERE state <> 'done' ORDER BY started_at, version, number",
        table(dialect, "step"),
    );
    match connection.rows(&sql).await {
        Ok(rows) => rows.into_iter().map(step).collect(),
        Err(error) if super::tables::undefined(&error) => Ok(Vec::new()),
        Err(error) => Err(Error::of("reading the journal", error)),
    }
}

fn step(row: Row) -> Result<Step, Error> {
    let damaged =
        |what: &str| Error::Journal(format!("the column {what} of its steps holds something unknown"));
    let mut row = row.into_iter();
    let mut next = || row.next().flatten();
    let mut text = || next().unwrap_or_default();
    Ok(Step {
        version: Version(text()),
        attempt: text().parse().map_err(|_| damaged("attempt"))?,
        phase: StepPhase::parse(&text()).ok_or_else(|| damaged("phase"))?,
        number: text().parse().map_err(|_| damaged("number"))?,
        line: text().parse().map_err(|_| damaged("line"))?,
        statement: text(),
        state: StepState::parse(&text()).ok_or_else(|| damaged("state"))?,
        seen_before: next(),
        error: next(),
    })
}
