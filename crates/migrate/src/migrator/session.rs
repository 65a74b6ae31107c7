//! Work on a database that is ours for the time being.

use bascule_migrations::{Migration, Part, Phase, Transactions, Version};
use bascule_sql::Statement;

use super::Migrator;
use super::agenda::{Item, Progress, has, waiting};
use super::wish::Phases;
use crate::connection::Connection;
use crate::error::Error;
use crate::journal::{
    self, Before, Contract, Details, Entering, Journal, Origin, Record, State, Step, StepPhase, Writer,
};
use crate::lease::{self, Held};
use crate::runner::{Runner, Work};
use crate::settings::Settings;

/// Work on a database that is ours. It has to be ended, however the work ends; whoever drops one instead ends the connection too.
pub(crate) struct Session<'a> {
    pub connection: &'a mut Connection,
    pub settings: &'a Settings,
    held: Held,
}

impl Migrator {
    /// Takes the database.
    ///
    /// # Errors
    /// That others have it; that a pooler is in between; what the server says.
    pub(crate) async fn session(&mut self) -> Result<Session<'_>, Error> {
        let held = lease::acquire(&mut self.connection, &self.settings).await?;
        Ok(Session { connection: &mut self.connection, settings: &self.settings, held })
    }
}

impl Migrator {
    /// Applies other statements as the contract of a migration (softly: a rename instead of a drop), or takes them back again, each in
    /// the journal. Goes on where an earlier try stopped.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`]; the statement that fails; that others have the database.
    pub async fn contract_with(
        &mut self,
        version: &Version,
        course: &ContractCourse<'_>,
    ) -> Result<(), Error> {
        let mut session = self.session().await?;
        let outcome = async {
            let (record, details) = session.known(version).await?;
            session.contract(&record, &details, course).await
        }
        .await;
        session.end().await;
        outcome
    }
}

impl Session<'_> {
    /// Gives the database back.
    pub async fn end(self) {
        self.held.release(self.connection).await;
    }

    /// Makes what is written into the journal.
    pub fn writer(&self) -> Writer {
        Writer { dialect: self.connection.dialect(), stamp: self.held.stamp(self.settings) }
    }

    /// What the journal says.
    pub async fn journal(&mut self) -> Result<Journal, Error> {
        journal::read(self.connection).await
    }

    /// A migration that the journal knows, and the texts that it keeps of it.
    pub async fn known(&mut self, version: &Version) -> Result<(Record, Details), Error> {
        let record = self.journal().await?.find(version).cloned();
        let details = journal::details(self.connection, std::slice::from_ref(version)).await?;
        record.zip(details.into_iter().next()).ok_or_else(|| Error::UnknownVersion(version.0.clone()))
    }

    /// Runs whole parts in one transaction; false when that went wrong, and nothing of them is done.
    pub async fn run_together(&mut self, works: &[Work<'_>]) -> bool {
        Runner::new(self.connection, &self.held, self.settings).together(works).await
    }

    /// Which SQL it speaks.
    pub fn dialect(&self) -> bascule_sql::Dialect {
        self.connection.dialect()
    }

    /// Runs statements of a part that are not done yet.
    pub async fn run(&mut self, work: &Work<'_>) -> Result<(), Error> {
        Runner::new(self.connection, &self.held, self.settings).run(work).await.map(drop)
    }

    /// Writes into the journal, in one transaction, as long as the database is ours.
    pub async fn write(&mut self, list: &[String]) -> Result<(), Error> {
        let begin = match self.connection.dialect() {
            bascule_sql::Dialect::Postgres => "BEGIN",
            bascule_sql::Dialect::Mysql => "START TRANSACTION",
            bascule_sql::Dialect::Sqlite => "BEGIN IMMEDIATE",
        };
        let fence = self.writer().fence();
        let mut text = vec![begin.to_owned(), fence];
        text.extend(list.iter().cloned());
        text.push("COMMIT".to_owned());
        if let Err(error) = self.connection.run(&text.join("\n;\n")).await {
            if !error.broken() {
                let _ = self.connection.run("ROLLBACK").await;
            }
            return Err(if error.completed == 1 && !error.broken() {
                Error::Fenced
            } else {
                Error::of("writing the journal", error)
            });
        }
        Ok(())
    }

    /// What is known of earlier tries of a part.
    pub async fn steps(
        &mut self,
        version: &Version,
        attempt: u32,
        phase: StepPhase,
    ) -> Result<Vec<Step>, Error> {
        journal::steps(self.connection, version, attempt, phase).await
    }

    /// Applies one part of a migration of the set.
    pub async fn apply(&mut self, migration: &Migration, item: Item, phases: Phases) -> Result<(), Error> {
        let statements = statements(&migration.parts, item.phase);
        let mut work = self.work(migration, item, phases, &statements);
        if item.progress != Progress::Fresh {
            work.steps = self.steps(&migration.version, item.attempt, work.phase).await?;
        }
        self.run(&work).await
    }

    /// What is to be done for one part of a migration, as if nothing of it had been begun.
    pub fn work<'a>(
        &self,
        migration: &'a Migration,
        item: Item,
        phases: Phases,
        statements: &'a [Statement],
    ) -> Work<'a> {
        let fresh = item.progress == Progress::Fresh;
        let writer = self.writer();
        let filled_next = phases == Phases::Everything && has(migration, Phase::Backfill);
        let enter = |state| {
            writer.enter(&Entering {
                migration,
                position: item.position,
                attempt: item.attempt,
                state,
                contract: waiting(migration),
                origin: Origin::Applied,
                row: if fresh && item.attempt == 1 { Before::Absent } else { Before::Present },
            })
        };
        let (open, close, whole) = match item.phase {
            // The backfill comes right behind it, and the migration is not applied before that.
            Phase::Expand if filled_next => {
                (vec![enter(State::Applying)], vec![], vec![enter(State::Applying)])
            }
            Phase::Expand => (
                vec![enter(State::Applying)],
                vec![writer.state(&migration.version, State::Applied)],
                vec![enter(State::Applied)],
            ),
            Phase::Backfill => {
                let close = vec![writer.state(&migration.version, State::Applied)];
                (vec![], close.clone(), close)
            }
            Phase::Contract => {
                let done = writer.contract(&migration.version, Contract::Done);
                (writer.contract(&migration.version, Contract::Applying), done.clone(), done)
            }
        };
        // What is checked holds when the rows are filled in, and before anything is taken away.
        let checked = match item.phase {
            Phase::Expand => !has(migration, Phase::Backfill),
            Phase::Backfill => true,
            Phase::Contract => false,
        };
        Work {
            version: &migration.version,
            name: &migration.name,
            path: &migration.path,
            text: &migration.up,
            attempt: item.attempt,
            phase: item.phase.into(),
            statements,
            transactions: migration.transactions,
            checks: if checked { &migration.checks } else { &[] },
            steps: Vec::new(),
            open,
            close,
            whole,
        }
    }

    /// Looks up what came of statements of a part that were interrupted.
    pub async fn resume(&mut self, work: &Work<'_>) -> Result<(), Error> {
        Runner::new(self.connection, &self.held, self.settings).resume(work).await.map(drop)
    }

    /// Takes a migration's expand back with these statements.
    pub async fn revert(
        &mut self,
        record: &Record,
        details: &Details,
        down: &[Statement],
    ) -> Result<(), Error> {
        let steps = if record.state == State::Reverting {
            self.steps(&record.version, record.attempt, StepPhase::Down).await?
        } else {
            Vec::new()
        };
        let writer = self.writer();
        let reverted = vec![writer.state(&record.version, State::Reverted)];
        let work = Work {
            version: &record.version,
            name: &record.name,
            path: &details.path,
            text: "",
            attempt: record.attempt,
            phase: StepPhase::Down,
            statements: down,
            transactions: details.transactions,
            checks: &[],
            steps,
            open: vec![writer.state(&record.version, State::Reverting)],
            close: reverted.clone(),
            whole: reverted,
        };
        self.run(&work).await
    }

    /// Applies other statements as a migration's contract, or takes them back again, each in the journal. Goes on where an earlier
    /// try stopped.
    pub async fn contract(
        &mut self,
        record: &Record,
        details: &Details,
        course: &ContractCourse<'_>,
    ) -> Result<(), Error> {
        let ContractCourse { phase, statements, also } = *course;
        let writer = self.writer();
        let (begun, done) = match phase {
            StepPhase::Restore => (Contract::Applying, Contract::Waiting),
            _ => (Contract::Applying, Contract::Done),
        };
        let steps = self.steps(&record.version, record.attempt, phase).await?;
        let open = writer.contract(&record.version, begun);
        let mut close = writer.contract(&record.version, done);
        close.extend(also.iter().cloned());
        let work = Work {
            version: &record.version,
            name: &record.name,
            path: &details.path,
            text: &details.up,
            attempt: record.attempt,
            phase,
            statements,
            transactions: Transactions::Usual,
            checks: &[],
            steps,
            open,
            whole: close.clone(),
            close,
        };
        self.run(&work).await
    }
}

/// Statements that stand for a migration's contract.
#[derive(Debug, Clone, Copy)]
pub struct ContractCourse<'a> {
    /// [`StepPhase::Contract`], or [`StepPhase::Restore`] for the way back.
    pub phase: StepPhase,
    /// What is run.
    pub statements: &'a [Statement],
    /// Further SQL for the transaction in which the journal says that it is done.
    pub also: &'a [String],
}

/// The statements of a phase, in order.
pub(crate) fn statements(parts: &[Part], phase: Phase) -> Vec<Statement> {
    let of = |part: &Part| match part {
        Part::Expand { statements } | Part::Contract { statements } => statements.clone(),
        Part::Backfill(backfill) => vec![backfill.statement.clone()],
    };
    parts.iter().filter(|part| part.phase() == phase).flat_map(of).collect()
}
