//! Statements in one transaction with their journal: one round trip, tried again when others hold what they need.

use std::time::Instant;

use bascule_sql::Dialect;

use super::failure::failed;
use super::script::{Script, What};
use super::work::Work;
use super::{Position, Runner, transient, violating};
use crate::error::{DatabaseError, Error};
use crate::journal::Outcome;
use crate::policy::{Blocker, ForeignKeys, Group, Next, Patience, Retry};
use crate::watch::Event;

const NOTHING_LEFT: &str = "nothing of this file is applied: correct it and run it again";
const GOES_ON: &str = "what stands before it in the file is applied and in the journal: correct it and run it again, it goes on there";

impl Runner<'_> {
    /// Runs a group in a transaction.
    pub(super) async fn transaction(
        &mut self,
        work: &Work<'_>,
        group: &Group,
        position: Position,
    ) -> Result<(), Error> {
        let first = group.members[0];
        let suspended = self.dialect() == Dialect::Sqlite && group.foreign_keys == ForeignKeys::Suspended;
        let checked = (position.last && !work.checks.is_empty()) || suspended;
        let mut script = Script::default();
        self.frame(&mut script, group.patience);
        script.push(What::Fence, &self.writer.fence());
        let whole = position.first && position.last;
        // The row of the migration comes before those of its statements.
        script.journal(if whole {
            &work.whole
        } else if position.first {
            &work.open
        } else {
            &[]
        });
        for &member in &group.members {
            let statement = &work.statements[member];
            script.push(What::Statement(member), &statement.text);
            script.journal(&self.writer.step(work.key(), member, statement, &Outcome::Done));
        }
        if position.last && !whole {
            script.journal(&self.closing(work));
        }
        if !checked {
            script.push(What::Frame, "COMMIT");
        }
        let left = if position.first && work.steps.is_empty() { NOTHING_LEFT } else { GOES_ON };
        let begin = Instant::now();
        let at = self.place(work, first);
        let mut retry = Retry {
            attempt: 0,
            elapsed: begin.elapsed(),
            budget: self.settings.lock_budget,
            lock_timeout: self.settings.lock_timeout,
        };
        self.settings.watch.told(&Event::StatementBegun { at: at.clone() });
        // Nothing is said of foreign keys inside of a transaction.
        let violations = if suspended { self.suspend_foreign_keys().await? } else { Vec::new() };
        let outcome = loop {
            retry.attempt += 1;
            self.focus.begin(at.clone());
            let outcome = self.connection.run(script.text()).await;
            let blockers = self.focus.end();
            match outcome {
                Ok(_) if checked => {
                    break self.check_and_commit(work, position, suspended, &violations, left).await;
                }
                Ok(_) => break Ok(()),
                Err(error) => {
                    self.roll_back(&error).await;
                    let blamed = script.blame(&error);
                    if !transient(&error) {
                        let error = match blamed.what {
                            What::Statement(at) => {
                                violating::shown(self.connection, work.statements, at, error).await
                            }
                            _ => error,
                        };
                        break Err(failed(work, blamed, first, error, left));
                    }
                    retry.elapsed = begin.elapsed();
                    let line = match blamed.what {
                        What::Statement(member) => work.statements[member].line,
                        _ => at.line,
                    };
                    if let Err(error) = self.again(work, line, &at, &retry, blockers).await {
                        break Err(error);
                    }
                }
            }
        };
        if suspended {
            self.restore_foreign_keys().await;
        }
        outcome?;
        if retry.attempt > 1 {
            let waited = u64::try_from(retry.elapsed.as_millis()).unwrap_or(u64::MAX);
            let sql = self.writer.waited(work.key(), &group.members, retry.attempt - 1, waited);
            self.connection.run(&sql).await.map_err(Error::query("writing the journal"))?;
        }
        self.settings.watch.told(&Event::StatementDone { at, took: begin.elapsed() });
        Ok(())
    }

    /// A part without statements: only the journal.
    pub(super) async fn nothing(&mut self, work: &Work<'_>) -> Result<(), Error> {
        let mut script = Script::default();
        self.frame(&mut script, Patience::Budget);
        script.push(What::Fence, &self.writer.fence());
        script.journal(&if work.steps.is_empty() { work.whole.clone() } else { self.closing(work) });
        if work.checks.is_empty() {
            script.push(What::Frame, "COMMIT");
        }
        if let Err(error) = self.connection.run(script.text()).await {
            self.roll_back(&error).await;
            return Err(failed(work, script.blame(&error), 0, error, NOTHING_LEFT));
        }
        if work.checks.is_empty() {
            return Ok(());
        }
        let position = Position { first: true, last: true };
        self.check_and_commit(work, position, false, &[], NOTHING_LEFT).await
    }

    /// Begins a transaction that waits for its locks as long as it should.
    pub(super) fn frame(&self, script: &mut Script, patience: Patience) {
        let timeout = self.lock_timeout(patience);
        match self.dialect() {
            Dialect::Postgres => {
                script.push(What::Frame, "BEGIN");
                let milliseconds = timeout.map_or(0, |timeout| timeout.as_millis().max(1));
                script.push(What::Frame, &format!("SET LOCAL lock_timeout = {milliseconds}"));
            }
            Dialect::Mysql => {
                script.push(What::Frame, &super::alone::mysql_timeouts(timeout));
                script.push(What::Frame, "START TRANSACTION");
            }
            // The write lock at once: taken later it could not be waited for.
            Dialect::Sqlite => {
                script.push(What::Frame, "BEGIN IMMEDIATE");
                // The order of statements within a file does not matter.
                script.push(What::Frame, "PRAGMA defer_foreign_keys = ON");
            }
        }
    }

    /// Rests before the next try.
    ///
    /// # Errors
    /// [`Error::Locked`] when the budget is spent.
    pub(super) async fn again(
        &self,
        work: &Work<'_>,
        line: usize,
        at: &crate::watch::Place,
        retry: &Retry,
        blockers: Vec<Blocker>,
    ) -> Result<(), Error> {
        match retry.next((self.settings.chance)()) {
            Next::Again(after) => {
                let (at, attempt) = (at.clone(), retry.attempt);
                self.settings.watch.told(&Event::Retry { at, attempt, after, blockers });
                tokio::time::sleep(after).await;
                Ok(())
            }
            Next::GiveUp => {
                Err(Error::Locked { path: work.path.to_owned(), line, tried: retry.attempt, blockers })
            }
        }
    }

    /// Whether a write to the journal alone went well.
    pub(super) async fn write(
        &mut self,
        work: &Work<'_>,
        script: &Script,
        member: usize,
    ) -> Result<(), Error> {
        match self.connection.run(script.text()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.unwritten(work, script, member, error).await),
        }
    }

    async fn unwritten(
        &mut self,
        work: &Work<'_>,
        script: &Script,
        member: usize,
        error: DatabaseError,
    ) -> Error {
        self.roll_back(&error).await;
        failed(work, script.blame(&error), member, error, GOES_ON)
    }
}
