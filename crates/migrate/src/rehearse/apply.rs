//! Running statements on the copy as the runner would, and looking at each.

use std::time::Instant;

use bascule_migrations::{Phase, Transactions};
use bascule_sql::{Dialect, Statement};

use super::beyond::reaches;
use super::error::{RehearseError, query};
use super::meter::{Measured, Meter};
use super::report::{Failure, Seen, StatementRun};
use super::shadow::Shadow;
use crate::connection::Row;
use crate::error::DatabaseError;
use crate::policy::{ForeignKeys, Group, Kind, Settings, Treatment, groups, treat};

/// What came of some statements.
#[derive(Default)]
pub(super) struct Applied {
    pub runs: Vec<StatementRun>,
    pub failed: Option<Failure>,
}

/// Statements that belong together.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub phase: Phase,
    pub statements: &'a [Statement],
    pub transactions: Transactions,
}

const WATCHING: &str = "looking at what a statement did";

/// Runs a batch, in the transactions that the runner would take. A statement that fails ends it, and takes its transaction back.
pub(super) async fn apply(shadow: &mut Shadow, batch: Batch<'_>) -> Result<Applied, RehearseError> {
    let mut applied = Applied::default();
    let dialect = shadow.connection.dialect();
    let treatments: Vec<Treatment> =
        batch.statements.iter().map(|statement| treat(dialect, statement).0).collect();
    let groups = match groups(&treatments, batch.transactions) {
        Ok(groups) => groups,
        Err((at, why)) => {
            applied.fail(batch.phase, &batch.statements[at], why.to_owned());
            return Ok(applied);
        }
    };
    let mut meter = Meter::begin(&mut shadow.connection).await.map_err(query(WATCHING))?;
    for group in &groups {
        meter.released();
        let suspended = dialect == Dialect::Sqlite && group.foreign_keys == ForeignKeys::Suspended;
        let broken = if suspended { suspend(shadow).await? } else { Vec::new() };
        let within = group.kind == Kind::Transaction;
        if within {
            shadow.connection.run(begin(dialect)).await.map_err(query("beginning a transaction"))?;
        }
        group_of(shadow, batch, group, &mut meter, &mut applied).await?;
        let last = &batch.statements[group.members[group.members.len() - 1]];
        if suspended && applied.failed.is_none() {
            let now = shadow.connection.rows(BROKEN).await.map_err(query(WATCHING))?;
            if now.iter().any(|row| !broken.contains(row)) {
                applied.fail(
                    batch.phase,
                    last,
                    "rows refer to others that are not there any more".to_owned(),
                );
            }
        }
        if within {
            let end = if applied.failed.is_some() { "ROLLBACK" } else { "COMMIT" };
            if let Err(error) = shadow.connection.run(end).await
                && applied.failed.is_none()
            {
                applied.fail(batch.phase, last, said(&error));
            }
        }
        if suspended {
            shadow.connection.run("PRAGMA foreign_keys = ON").await.map_err(query(WATCHING))?;
        }
        if group.settings == Settings::Changed {
            shadow.reset().await.map_err(query("setting the session back"))?;
        }
        if applied.failed.is_some() {
            break;
        }
    }
    Ok(applied)
}

/// References that lead nowhere.
const BROKEN: &str = "PRAGMA foreign_key_check";

/// Gives those that are broken already.
async fn suspend(shadow: &mut Shadow) -> Result<Vec<Row>, RehearseError> {
    let broken = shadow.connection.rows(BROKEN).await.map_err(query(WATCHING))?;
    shadow.connection.run(SUSPEND).await.map_err(query(WATCHING))?;
    Ok(broken)
}

pub(super) const SUSPEND: &str = "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = OFF";

pub(super) fn begin(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "BEGIN",
        Dialect::Mysql => "START TRANSACTION",
        Dialect::Sqlite => "BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON",
    }
}

async fn group_of(
    shadow: &mut Shadow,
    batch: Batch<'_>,
    group: &Group,
    meter: &mut Meter,
    applied: &mut Applied,
) -> Result<(), RehearseError> {
    let phase = batch.phase;
    for &member in &group.members {
        let statement = &batch.statements[member];
        if let Some(why) = reaches(shadow.connection.dialect(), &statement.text, &shadow.databases) {
            applied.runs.push(left_out(phase, statement, why));
            continue;
        }
        let begin = Instant::now();
        let alone = group.kind == Kind::Alone;
        let ran = if alone && meter.sees() == Seen::All {
            meter.watch(&mut shadow.connection, &shadow.address, &statement.text).await?
        } else {
            shadow.connection.run(&statement.text).await.map(|rows| (rows, Vec::new()))
        };
        let took_us = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (rows, watched) = match ran {
            Ok(ran) => ran,
            Err(error) => {
                applied.fail(phase, statement, said(&error));
                return Ok(());
            }
        };
        let measured = meter.measure(&mut shadow.connection).await.map_err(query(WATCHING))?;
        let Measured { locks, rewrites } = measured;
        let (locks, seen) = if alone { (watched, of_alone(meter)) } else { (locks, meter.sees()) };
        let statement = statement.clone();
        let left_out = None;
        applied.runs.push(StatementRun { phase, statement, took_us, rows, locks, seen, rewrites, left_out });
    }
    Ok(())
}

impl Applied {
    fn fail(&mut self, phase: Phase, statement: &Statement, error: String) {
        let incomplete = self.runs.iter().any(|run| run.left_out.is_some());
        self.failed = Some(Failure { phase, statement: statement.clone(), error, incomplete });
    }
}

fn of_alone(meter: &Meter) -> Seen {
    if meter.sees() == Seen::All { Seen::Some } else { Seen::Nothing }
}

fn left_out(phase: Phase, statement: &Statement, why: String) -> StatementRun {
    StatementRun {
        phase,
        statement: statement.clone(),
        took_us: 0,
        rows: 0,
        locks: Vec::new(),
        seen: Seen::Nothing,
        rewrites: Vec::new(),
        left_out: Some(why),
    }
}

/// The server's words in one line.
pub(super) fn said(error: &DatabaseError) -> String {
    match &error.detail {
        Some(detail) => format!("{} ({detail})", error.message),
        None => error.message.clone(),
    }
}
