//! Runs the statements of one part of a migration, each with its row in the journal: in the same transaction where the server can, else
//! before and behind it.

mod alone;
mod checks;
mod failure;
mod script;
mod together;
mod transaction;
pub(crate) mod violating;
mod work;

use std::time::{Duration, Instant};

use bascule_sql::Dialect;

pub(crate) use work::Work;

use crate::connection::Connection;
use crate::error::{DatabaseError, Difference, Error};
use crate::journal::{StepState, Writer};
use crate::lease::{Focus, Held, prepare};
use crate::policy::{Group, Kind, Manner, Patience, Settings as Left, Treatment, groups, treat};
use crate::reconcile;
use crate::settings::Settings;
use crate::watch::{Event, Place};

/// Runs statements while the database is ours.
pub(crate) struct Runner<'a> {
    pub connection: &'a mut Connection,
    pub settings: &'a Settings,
    pub writer: Writer,
    pub focus: Focus,
}

/// Where in its part a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    first: bool,
    last: bool,
}

impl<'a> Runner<'a> {
    pub fn new(connection: &'a mut Connection, held: &Held, settings: &'a Settings) -> Self {
        let writer = Writer { dialect: connection.dialect(), stamp: held.stamp(settings) };
        Self { connection, settings, writer, focus: held.focus() }
    }

    /// Runs what is not done yet of a part.
    ///
    /// # Errors
    /// The first statement that fails; what was done before it is in the journal.
    pub async fn run(&mut self, work: &Work<'_>) -> Result<Duration, Error> {
        let begin = Instant::now();
        self.settings.watch.told(&Event::PartBegun {
            version: work.version.clone(),
            name: work.name.to_owned(),
            phase: work.phase,
            statements: work.statements.len(),
        });
        let treatments: Vec<Treatment> =
            work.statements.iter().map(|statement| treat(self.dialect(), statement).0).collect();
        let outcome = self.groups(work, &treatments).await;
        if treatments.iter().any(|one| one.settings == Left::Changed) {
            self.reset().await?;
        }
        outcome?;
        let took = begin.elapsed();
        self.settings.watch.told(&Event::PartDone { version: work.version.clone(), phase: work.phase, took });
        Ok(took)
    }

    async fn groups(&mut self, work: &Work<'_>, treatments: &[Treatment]) -> Result<(), Error> {
        let done = self.resume(work).await?;
        let refused = |(at, why): (usize, &str)| Error::Transactions {
            path: work.path.to_owned(),
            line: work.statements[at].line,
            why: why.to_owned(),
        };
        let mut groups: Vec<Group> = groups(treatments, work.transactions).map_err(refused)?;
        for group in &mut groups {
            group.members.retain(|member| !done.contains(member));
        }
        groups.retain(|group| !group.members.is_empty());
        let count = groups.len();
        for (at, group) in groups.iter().enumerate() {
            let position = Position { first: at == 0, last: at + 1 == count };
            match group.kind {
                Kind::Transaction => self.transaction(work, group, position).await?,
                Kind::Alone => self.alone(work, group, position).await?,
            }
        }
        if groups.is_empty() { self.nothing(work).await } else { Ok(()) }
    }

    /// Looks up what came of statements that were begun before; gives the places of those that are done.
    pub(crate) async fn resume(&mut self, work: &Work<'_>) -> Result<Vec<usize>, Error> {
        let mut done = Vec::new();
        for step in &work.steps {
            let same =
                work.statements.get(step.number).is_some_and(|statement| statement.text == step.statement);
            match step.state {
                StepState::Done if same => done.push(step.number),
                StepState::Done => {
                    return Err(Error::Differ(vec![Difference::Edited {
                        version: work.version.0.clone(),
                        path: work.path.to_owned(),
                        applied: step.statement.clone(),
                        file: work
                            .statements
                            .get(step.number)
                            .map(|statement| statement.text.clone())
                            .unwrap_or_default(),
                    }]));
                }
                StepState::Running | StepState::Failed => {
                    let verdict = reconcile::look(self.connection, step).await?;
                    if self.settle(work, step, verdict).await? {
                        done.push(step.number);
                    }
                }
            }
        }
        Ok(done)
    }

    /// What is written when the part is done. Of earlier tries only what is applied stays.
    fn closing(&self, work: &Work<'_>) -> Vec<String> {
        let mut list = work.close.clone();
        if !work.steps.is_empty() {
            list.push(self.writer.forget_open(work.key()));
        }
        list
    }

    fn dialect(&self) -> Dialect {
        self.writer.dialect
    }

    /// Forgets what a file has set in the session.
    async fn reset(&mut self) -> Result<(), Error> {
        let sql = match self.dialect() {
            Dialect::Postgres => "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL",
            Dialect::Mysql => {
                "UNLOCK TABLES; SET SESSION sql_mode = DEFAULT, SESSION foreign_key_checks = DEFAULT, \
                 SESSION unique_checks = DEFAULT, SESSION autocommit = DEFAULT, SESSION time_zone = DEFAULT; \
                 SET NAMES utf8mb4"
            }
            Dialect::Sqlite => return Ok(()),
        };
        match self.connection.run(sql).await {
            Ok(_) => prepare(self.connection, self.settings).await,
            // What broke the connection is told by whoever saw it first.
            Err(error) if error.broken() => Ok(()),
            Err(error) => Err(Error::of("setting the session up", error)),
        }
    }

    /// How long a statement waits for its lock; none: as long as it takes.
    fn lock_timeout(&self, patience: Patience) -> Option<Duration> {
        match patience {
            Patience::Unlimited => None,
            Patience::Budget => Some(self.settings.lock_budget),
            Patience::Brief => Some(self.settings.lock_timeout),
        }
    }

    async fn roll_back(&mut self, error: &DatabaseError) {
        if !error.broken() {
            // Without an open transaction it is a warning, or with SQLite an error that means the same.
            let _ = self.connection.run("ROLLBACK").await;
        }
    }

    fn place(&self, work: &Work<'_>, member: usize) -> Place {
        let statement = &work.statements[member];
        Place {
            version: work.version.clone(),
            path: work.path.to_owned(),
            line: statement.line,
            words: words(&statement.text),
        }
    }
}

/// The first words of a statement, on one line.
pub(crate) fn words(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > 72 {
            line.push_str(" …");
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Whether a statement may be tried again as it is.
pub(crate) fn transient(error: &DatabaseError) -> bool {
    // Lock not available, deadlock, serialization; the same with MySQL; busy and locked with SQLite.
    error.is_any(&["55P03", "40P01", "40001", "1205", "1213", "5", "6", "261", "517", "262"])
}

/// What a statement is left out for.
pub(crate) fn is_step(treatment: &Treatment) -> bool {
    matches!(treatment.manner, Manner::Transaction | Manner::Alone)
}
