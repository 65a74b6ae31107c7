//! The loop: take the backfill, batch after batch, until the end or until somebody says stop. What to do is decided in `course`.

use std::time::{Duration, Instant};

use bascule_sql::{Dialect, Narrowed};
use tokio_util::sync::CancellationToken;

use super::batch::{Batches, Failed, Saved};
use super::course::{Course, Event, GiveUp, Turn};
use super::error::Error;
use super::options::Options;
use super::progress::{Progress, Report, rate};
use super::quarantine::BadRow;
use super::record::{Id, Record, State};
use super::{claim, control, table, throttle};
use crate::Connection;

/// How a run of a backfill ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Every row is done, but for these, which the server refused.
    Done {
        /// Rows that a person has to look at; resume the backfill to have them tried again.
        bad_rows: Vec<BadRow>,
    },
    /// It was told to stop; the next run goes on.
    Stopped,
    /// A person wants it to wait.
    Paused,
    /// A person gave it up.
    Abandoned,
    /// It needs a person; resume it afterwards.
    Failed {
        /// Why.
        reason: GiveUp,
        /// The server's words.
        error: String,
    },
}

/// Runs a backfill that was entered, from where it is. `owner` names the runner for others to see. The connection's settings are
/// changed: it is for nothing else. A batch is never cut off: after `stop`, the one that is under way comes to its end.
///
/// # Errors
/// [`Error::Held`] while another runner has it; what the server says. When the connection broke ([`Error::broken`]), another run
/// on a new one goes on behind the last batch that was committed.
pub async fn run(
    connection: &mut Connection,
    id: &Id,
    owner: &str,
    options: &Options,
    stop: &CancellationToken,
    mut tell: impl FnMut(Report) + Send,
) -> Result<Outcome, Error> {
    prepare(connection).await?;
    let record = control::find(connection, id).await?.ok_or_else(|| Error::Unknown(id.clone()))?;
    if let Some(outcome) = ended(&record) {
        return Ok(outcome);
    }
    let statement = statement(connection.dialect(), &record)?;
    let key = table::inspect(connection, &record.table, &record.key).await?;
    let record = match claim::take(connection, id, owner, options.lease).await? {
        claim::Taken::Ours(record) => record,
        claim::Taken::Ended(record) => {
            return ended(&record).ok_or_else(|| Error::Lost(id.clone()));
        }
    };
    if record.estimate.is_none() && record.reached.is_none() {
        let estimate = table::estimate(connection, &record.table).await?;
        claim::estimated(connection, &record, estimate).await?;
    }
    let record = control::find(connection, id).await?.ok_or_else(|| Error::Unknown(id.clone()))?;
    let batches =
        Batches { id: id.clone(), table: record.table.clone(), key, statement, epoch: record.epoch };
    let course = Course::new(options, record.batch, u32::try_from(record.bad_rows.len()).unwrap_or(u32::MAX));
    let mut run = Run { batches, course, record, options, stop, asked: None, took: Duration::ZERO };
    run.bad_rows(connection).await?;
    run.go(connection, &mut tell).await
}

/// The statement, open for the range of a batch.
fn statement(dialect: Dialect, record: &Record) -> Result<Narrowed, Error> {
    let statement = Narrowed::of(&record.statement, dialect)?;
    let (schema, name) = table::parts(dialect, statement.table());
    let (wanted_schema, wanted) = table::parts(dialect, &record.table);
    let schemas = schema.is_none() || wanted_schema.is_none() || schema == wanted_schema;
    if schemas && name.eq_ignore_ascii_case(&wanted) {
        return Ok(statement);
    }
    let changed = statement.table().to_owned();
    Err(Error::OtherTable { table: record.table.clone(), changed })
}

/// What is to be said of one that is not to be run.
fn ended(record: &Record) -> Option<Outcome> {
    match record.state {
        State::Done => Some(Outcome::Done { bad_rows: record.bad_rows.clone() }),
        State::Paused => Some(Outcome::Paused),
        State::Abandoned => Some(Outcome::Abandoned),
        State::Failed => Some(Outcome::Failed {
            reason: GiveUp::BadRows { rows: u32::try_from(record.bad_rows.len()).unwrap_or(u32::MAX) },
            error: record.last_error.clone().unwrap_or_default(),
        }),
        State::Pending | State::Running => None,
    }
}

/// Settings of the session. Locks are waited for briefly; keys are read in a form that reads back; the table's index is what is
/// used, also when statistics are not there yet.
async fn prepare(connection: &mut Connection) -> Result<(), Error> {
    let sql = match connection.dialect() {
        Dialect::Postgres => {
            "SET lock_timeout = '1s'; SET statement_timeout = '20s'; SET idle_in_transaction_session_timeout = '60s'; \
             SET default_transaction_isolation = 'read committed'; SET datestyle = 'ISO, MDY'; \
             SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1; \
             SET enable_seqscan = off; SET jit = off"
        }
        // Gaps between keys stay open for others, unless statements are what is replicated: then the server refuses it.
        Dialect::Mysql => {
            "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 2; \
             SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
        }
        Dialect::Sqlite => return Ok(()),
    };
    connection.run(sql).await.map_err(Error::query("preparing the session"))?;
    if connection.dialect() == Dialect::Mysql {
        let format = "SELECT @@log_bin AND @@binlog_format = 'STATEMENT'";
        let format = connection.value(format).await.map_err(Error::query("preparing the session"))?;
        if format.as_deref() == Some("1") {
            let sql = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
            connection.run(sql).await.map_err(Error::query("preparing the session"))?;
        }
    } else {
        // The settings of a newer server: an older one goes without.
        let _ = connection.run("SET client_connection_check_interval = '1s'").await;
    }
    Ok(())
}

struct Run<'a> {
    batches: Batches,
    course: Course,
    record: Record,
    options: &'a Options,
    stop: &'a CancellationToken,
    /// When the server was last asked how it is.
    asked: Option<Instant>,
    took: Duration,
}

impl Run<'_> {
    async fn go(
        &mut self,
        connection: &mut Connection,
        tell: &mut (impl FnMut(Report) + Send),
    ) -> Result<Outcome, Error> {
        let mut turn = self.course.begin();
        let mut error = String::new();
        loop {
            turn = match turn {
                Turn::Batch { rows, rest } => {
                    if self.stopped(rest).await {
                        return self.leave(connection).await;
                    }
                    if let Some(outcome) = self.give_way(connection, tell).await? {
                        return Ok(outcome);
                    }
                    match self.batch(connection, rows, &mut error).await? {
                        Some(event) => {
                            let turn = self.course.on(event);
                            if matches!(event, Event::Done { .. }) {
                                tell(Report::Progress(self.progress()));
                            }
                            turn
                        }
                        None => return self.not_ours(connection).await,
                    }
                }
                Turn::PutAside => match self.put_aside(connection, &error, tell).await? {
                    Some(event) => self.course.on(event),
                    None => return self.not_ours(connection).await,
                },
                Turn::Finish => {
                    if !claim::end(connection, &self.record, State::Done, None).await? {
                        return self.not_ours(connection).await;
                    }
                    return Ok(Outcome::Done { bad_rows: self.record.bad_rows.clone() });
                }
                Turn::GiveUp(reason) => {
                    if !claim::end(connection, &self.record, State::Failed, Some(&error)).await? {
                        return self.not_ours(connection).await;
                    }
                    return Ok(Outcome::Failed { reason, error });
                }
            };
        }
    }

    /// One batch; none when the backfill is not ours to go on with.
    async fn batch(
        &mut self,
        connection: &mut Connection,
        rows: u32,
        error: &mut String,
    ) -> Result<Option<Event>, Error> {
        let whole = Instant::now();
        let Some(range) = self.batches.next(connection, self.record.reached.as_deref(), rows).await? else {
            return Ok(Some(Event::Exhausted));
        };
        let done = self.record.done + u64::from(range.rows);
        let saved = Saved { done, batch: self.course.size(), rate: self.record.rate };
        match self.batches.run(connection, &range, &saved).await {
            Ok(held) => {
                self.took = held;
                self.record.rate = rate(self.record.rate, range.rows, whole.elapsed());
                let event = Event::Done { rows: range.rows, took: self.took, last: range.last };
                self.record.done = done;
                self.record.reached = Some(range.upto);
                Ok(Some(event))
            }
            Err(Failed::NotOurs) => Ok(None),
            Err(Failed::Contention(source)) => {
                *error = source.message;
                Ok(Some(Event::Contention))
            }
            Err(Failed::Refused(source)) => {
                *error = source.message;
                Ok(Some(Event::Refused { rows: range.rows }))
            }
            Err(Failed::Fatal(source)) => Err(source),
        }
    }

    async fn put_aside(
        &mut self,
        connection: &mut Connection,
        error: &str,
        tell: &mut (impl FnMut(Report) + Send),
    ) -> Result<Option<Event>, Error> {
        let after = self.record.reached.clone();
        let Some(range) = self.batches.next(connection, after.as_deref(), 1).await? else {
            return Ok(Some(Event::Exhausted));
        };
        let row = BadRow { key: range.upto.clone(), error: error.to_owned() };
        let mut bad = self.record.bad_rows.clone();
        bad.push(row.clone());
        let done = self.record.done + 1;
        match self.batches.put_aside(connection, &range, &bad, done).await {
            Ok(()) => {
                self.record.bad_rows = bad;
                self.record.done = done;
                self.record.reached = Some(range.upto);
                tell(Report::BadRow(row));
                Ok(Some(Event::PutAside))
            }
            Err(Failed::NotOurs) => Ok(None),
            Err(Failed::Contention(_)) => Ok(Some(Event::Contention)),
            Err(Failed::Refused(source)) => Err(Error::Query { doing: "putting a row aside", source }),
            Err(Failed::Fatal(source)) => Err(source),
        }
    }

    /// The rows that were refused before are tried first: a person may have repaired them.
    async fn bad_rows(&mut self, connection: &mut Connection) -> Result<(), Error> {
        for row in self.record.bad_rows.clone() {
            let left: Vec<_> = self.record.bad_rows.iter().filter(|bad| **bad != row).cloned().collect();
            match self.batches.again(connection, &row, &left).await {
                Ok(()) => self.record.bad_rows = left,
                Err(Failed::Fatal(error)) => return Err(error),
                Err(Failed::NotOurs | Failed::Contention(_) | Failed::Refused(_)) => {}
            }
        }
        let bad = u32::try_from(self.record.bad_rows.len()).unwrap_or(u32::MAX);
        self.course = Course::new(self.options, self.record.batch, bad);
        Ok(())
    }

    /// Waits while replicas or others need it; an outcome when meanwhile there is nothing to go on with.
    async fn give_way(
        &mut self,
        connection: &mut Connection,
        tell: &mut (impl FnMut(Report) + Send),
    ) -> Result<Option<Outcome>, Error> {
        if self.asked.is_some_and(|asked| asked.elapsed() < self.options.limits.every) {
            return Ok(None);
        }
        let mut times = 0;
        loop {
            let load = throttle::ask(connection, &self.options.limits).await;
            self.asked = Some(Instant::now());
            let Some(waiting) = self.options.limits.exceeded(&load) else { return Ok(None) };
            tell(Report::Waiting(waiting));
            if self.stopped(throttle::pause(times)).await {
                return self.leave(connection).await.map(Some);
            }
            if !self.batches.beat(connection).await.map_err(Error::query("keeping the backfill"))? {
                return self.not_ours(connection).await.map(Some);
            }
            times += 1;
        }
    }

    /// Whether it is to stop, within that time.
    async fn stopped(&self, within: Duration) -> bool {
        if within.is_zero() {
            return self.stop.is_cancelled();
        }
        tokio::time::timeout(within, self.stop.cancelled()).await.is_ok()
    }

    /// Leaves it to the next runner.
    async fn leave(&self, connection: &mut Connection) -> Result<Outcome, Error> {
        if claim::end(connection, &self.record, State::Pending, None).await? {
            return Ok(Outcome::Stopped);
        }
        self.not_ours(connection).await
    }

    /// Why there is nothing to go on with: a person's word, or another runner.
    async fn not_ours(&self, connection: &mut Connection) -> Result<Outcome, Error> {
        let id = &self.record.id;
        let found = control::find(connection, id).await?.ok_or_else(|| Error::Unknown(id.clone()))?;
        if found.epoch != self.record.epoch {
            return Err(Error::Lost(id.clone()));
        }
        claim::let_go(connection, &self.record).await?;
        // A pause that was taken back at once: it waits for its next runner.
        Ok(ended(&found).unwrap_or(Outcome::Stopped))
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.record.done,
            estimate: self.record.estimate,
            rate: self.record.rate,
            batch: self.course.size(),
            took: self.took,
            bad_rows: u32::try_from(self.record.bad_rows.len()).unwrap_or(u32::MAX),
        }
    }
}
