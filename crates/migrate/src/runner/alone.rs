//! A statement that cannot share a transaction with its journal: it stands there as running before it is sent, and what came of it is
//! looked up in the catalog when nobody saw it end.

use std::time::{Duration, Instant};

use bascule_sql::Dialect;

use super::failure::failed;
use super::script::{Blamed, Script, What};
use super::work::Work;
use super::{Position, Runner, transient};
use crate::error::{DatabaseError, Error};
use crate::journal::{Outcome, Step, StepState};
use crate::policy::{Group, Patience, Retry};
use crate::reconcile::{self, Verdict};
use crate::watch::Event;

const GOES_ON: &str = "what stands before it in the file is applied and in the journal: correct it and run it again, it goes on there";

/// So often is an index built anew that the server left invalid.
const REBUILDS: u32 = 5;

impl Runner<'_> {
    /// Runs one statement outside of a transaction.
    pub(super) async fn alone(
        &mut self,
        work: &Work<'_>,
        group: &Group,
        position: Position,
    ) -> Result<(), Error> {
        let member = group.members[0];
        let statement = &work.statements[member];
        let at = self.place(work, member);
        let begin = Instant::now();
        self.drop_remains(work, member, None).await?;
        self.announce(work, group, position).await?;
        let seen_before = self.seen_before(work, member).await?;
        let seen_before = seen_before.as_deref();
        self.settings.watch.told(&Event::StatementBegun { at: at.clone() });
        let mut retry = Retry {
            attempt: 0,
            elapsed: begin.elapsed(),
            budget: self.settings.lock_budget,
            lock_timeout: self.settings.lock_timeout,
        };
        let mut rebuilds = 0;
        loop {
            retry.attempt += 1;
            self.focus.begin(at.clone());
            let outcome = self.connection.run(&statement.text).await;
            let blockers = self.focus.end();
            let error = match outcome {
                // A server that skipped it, or left an index that it does not use, says that all went well.
                Ok(_) if self.drop_remains(work, member, seen_before).await? && rebuilds < REBUILDS => {
                    rebuilds += 1;
                    continue;
                }
                Ok(_) => break,
                Err(error) => error,
            };
            if error.broken() {
                let blamed = Blamed { what: What::Statement(member), offset: None };
                return Err(failed(work, blamed, member, error, GOES_ON));
            }
            self.drop_remains(work, member, seen_before).await?;
            retry.elapsed = begin.elapsed();
            if transient(&error) {
                if let Err(locked) = self.again(work, statement.line, &at, &retry, blockers).await {
                    self.refused(work, member, &error).await?;
                    return Err(locked);
                }
                continue;
            }
            self.refused(work, member, &error).await?;
            let offset = error.position.and_then(|position| position.checked_sub(1));
            let blamed = Blamed { what: What::Statement(member), offset };
            return Err(failed(work, blamed, member, error, GOES_ON));
        }
        self.settings.watch.told(&Event::StatementDone { at, took: begin.elapsed() });
        if position.last {
            self.check(work, work.checks, "its statements are applied; correct the rows and run it again")
                .await?;
        }
        self.conclude(work, member, position, &retry).await
    }

    /// Writes that a statement is about to be sent, and what the catalog says before.
    async fn announce(&mut self, work: &Work<'_>, group: &Group, position: Position) -> Result<(), Error> {
        let member = group.members[0];
        let statement = &work.statements[member];
        let probe = reconcile::probe(self.dialect(), statement);
        let seen_before = probe.map_or_else(|| "NULL".to_owned(), |probe| format!("({})", probe.sql()));
        let mut script = Script::default();
        self.frame(&mut script, Patience::Budget);
        script.push(What::Fence, &self.writer.fence());
        if position.first {
            script.journal(&work.open);
        }
        let outcome = Outcome::Running { seen_before: &seen_before };
        script.journal(&self.writer.step(work.key(), member, statement, &outcome));
        script.push(What::Frame, "COMMIT");
        let timeout = self.lock_timeout(group.patience);
        match self.dialect() {
            Dialect::Postgres => {
                let milliseconds = timeout.map_or(0, |timeout| timeout.as_millis().max(1));
                script.push(What::Frame, &format!("SET lock_timeout = {milliseconds}"));
            }
            Dialect::Mysql => script.push(What::Frame, &mysql_timeouts(timeout)),
            Dialect::Sqlite => {}
        }
        self.write(work, &script, member).await
    }

    /// Writes that it is done.
    async fn conclude(
        &mut self,
        work: &Work<'_>,
        member: usize,
        position: Position,
        retry: &Retry,
    ) -> Result<(), Error> {
        let mut script = Script::default();
        self.frame(&mut script, Patience::Budget);
        script.push(What::Fence, &self.writer.fence());
        script.journal(&[self.writer.ended(work.key(), member, StepState::Done, None)]);
        if retry.attempt > 1 {
            let waited = u64::try_from(retry.elapsed.as_millis()).unwrap_or(u64::MAX);
            script.journal(&[self.writer.waited(work.key(), &[member], retry.attempt - 1, waited)]);
        }
        if position.last {
            script.journal(&self.closing(work));
        }
        script.push(What::Frame, "COMMIT");
        self.write(work, &script, member).await
    }

    /// Writes that the server refused it.
    async fn refused(&mut self, work: &Work<'_>, member: usize, error: &DatabaseError) -> Result<(), Error> {
        let sql = self.writer.ended(work.key(), member, StepState::Failed, Some(&error.whole()));
        self.connection.run(&sql).await.map(drop).map_err(Error::query("writing the journal"))
    }

    /// Drops what an interrupted statement of this kind leaves: invalid indexes. Says whether there was something.
    async fn drop_remains(
        &mut self,
        work: &Work<'_>,
        member: usize,
        seen_before: Option<&str>,
    ) -> Result<bool, Error> {
        let Some(statement) = work.statements.get(member) else { return Ok(false) };
        let remains = reconcile::remains(self.connection, statement, seen_before).await?;
        for index in &remains {
            self.drop_index(index).await?;
            let what = format!("the server had left the index {index} invalid; it was dropped");
            let at = self.place(work, member);
            self.settings.watch.told(&Event::Reconciled { at, what });
        }
        Ok(!remains.is_empty())
    }

    /// What the catalog said before the statement was sent.
    async fn seen_before(&mut self, work: &Work<'_>, member: usize) -> Result<Option<String>, Error> {
        if !reconcile::leaves_remains(self.dialect(), &work.statements[member]) {
            return Ok(None);
        }
        let sql = self.writer.seen_before(work.key(), member);
        self.connection.value(&sql).await.map_err(Error::query("reading the journal"))
    }

    async fn drop_index(&mut self, index: &str) -> Result<(), Error> {
        let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
        self.connection
            .run("SET lock_timeout = 0")
            .await
            .map_err(Error::query("dropping an invalid index"))?;
        loop {
            match self.connection.run(&sql).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is("40P01") => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => return Err(Error::of("dropping an invalid index", error)),
            }
        }
    }

    /// Does what follows from how an interrupted statement was found; says whether it is done.
    pub(super) async fn settle(
        &mut self,
        work: &Work<'_>,
        step: &Step,
        verdict: Verdict,
    ) -> Result<bool, Error> {
        let key = work.key();
        let (sql, what, done) = match verdict {
            Verdict::Done => {
                let sql = self.writer.ended(key, step.number, StepState::Done, None);
                (sql, "it had ended well; that is in the journal now", true)
            }
            Verdict::NotDone => {
                self.drop_remains(work, step.number, step.seen_before.as_deref()).await?;
                (self.writer.forget(key, step.number), "it had not come about; it is run again", false)
            }
            Verdict::Finish(sql) => {
                self.connection.run(&sql).await.map_err(Error::query("bringing a statement to its end"))?;
                let sql = self.writer.ended(key, step.number, StepState::Done, None);
                (sql, "it was half done; it was brought to its end", true)
            }
            Verdict::Unclear(unclear) => return Err(Error::Unclear(vec![*unclear])),
        };
        self.connection.run(&sql).await.map_err(Error::query("writing the journal"))?;
        let at = crate::watch::Place {
            version: work.version.clone(),
            path: work.path.to_owned(),
            line: step.line,
            words: super::words(&step.statement),
        };
        self.settings.watch.told(&Event::Reconciled { at, what: what.to_owned() });
        Ok(done)
    }
}

/// How long statements of MySQL wait: the finest that it knows are seconds, and its own "forever" is a year.
pub(super) fn mysql_timeouts(timeout: Option<Duration>) -> String {
    let seconds = timeout.map_or(31_536_000, crate::lease::mysql_seconds);
    let rows = seconds.min(1_073_741_824);
    format!("SET SESSION lock_wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = {rows}")
}
