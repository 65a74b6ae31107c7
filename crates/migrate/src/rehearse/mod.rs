//! Migrations tried on a copy: every up side, every down side, every query of the releases, before anything is done to the real
//! database. That is only ever read.
//!
//! The order is that of a deploy: all expands, the queries of both releases, backfills, contracts.

mod apply;
mod beyond;
mod down;
mod error;
mod meter;
mod report;
mod shadow;
mod smoke;
mod text;
mod untold;

pub use error::RehearseError;
pub use report::{
    Copied, Down, FailedCheck, Failure, Held, How, Outcome, Rehearsal, Rehearsed, Release, Rows, Seen, Smoke,
    Source, StatementRun, Why,
};
pub use untold::Untold;

use std::time::Instant;

use bascule_migrations::{Migration, Part, Phase};

use crate::address::Address;
use crate::connection::Connection;
use crate::schema::{Filter, Snapshot, snapshot};
use crate::tools::Tools;
use apply::{Batch, apply};
use down::{Judged, Left, Verdict, judge, judge_whole, statements};
use error::query;
use shadow::{APPLICATION, Shadow};
use smoke::Queries;

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The database. It is read, and nothing else.
    pub database: &'a Address,
    /// What is pending, in its order.
    pub pending: &'a [Migration],
    /// In which order parts of different migrations come.
    pub order: Order,
    /// Where the copy is made.
    pub place: Place,
    /// Rows are copied too when the database has at most so many bytes.
    pub rows_up_to: u64,
    /// Queries of the release that serves.
    pub live: &'a [String],
    /// Queries of the release that is to be deployed.
    pub next: &'a [String],
    /// So many of the most frequent queries that the server has counted are taken for the live release's.
    pub counted: u32,
    /// The server's programs.
    pub tools: &'a Tools,
}

/// In which order parts of different migrations come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As with a live release: all expands, then backfills, then contracts.
    Phases,
    /// As for a new database: one file after another, each as a whole.
    Files,
}

/// Where the copy is made.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a database of its own beside the real one, which is dropped in the end.
    Own,
    /// In a database that is only for this: `shadow_url`.
    At(Address),
}

/// Rows up to so many bytes are copied unless something else is said: 64 MiB.
pub const ROWS_UP_TO: u64 = 64 << 20;

/// Tries all of it.
///
/// # Errors
/// When no copy can be made, or the way to it breaks. What a migration does wrong is in the result.
pub async fn rehearse(request: &Request<'_>) -> Result<Rehearsal, RehearseError> {
    let begin = Instant::now();
    let mut database = Connection::open(request.database, APPLICATION).await?;
    let counted = smoke::counted(&mut database, request.counted).await?;
    database.close().await;

    let shadow = Shadow::make(request).await?;
    let queries = Queries::of(request.live, request.next, &counted);
    let mut stage = Stage { request, shadow, queries, applied: Vec::new(), migrations: Vec::new() };
    let cleaned = std::mem::take(&mut stage.shadow.cleaned);
    let outcome = stage.all().await;
    let Stage { shadow, queries, migrations, .. } = stage;
    let copy = shadow.copied.clone();
    let removed = shadow.remove().await;
    outcome?;
    removed?;
    let not_tried = request.pending.iter().skip(migrations.len()).map(|migration| migration.version.clone());
    let untold = if copy.rows == Rows::None { untold::untold(request) } else { Vec::new() };
    Ok(Rehearsal {
        copy,
        untold,
        rows_up_to: request.rows_up_to,
        not_tried: not_tried.collect(),
        migrations,
        smoke: queries.found(),
        cleaned,
        took_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// A rehearsal that goes on.
struct Stage<'a> {
    request: &'a Request<'a>,
    shadow: Shadow,
    queries: Queries,
    /// What was applied to the copy, in order: what a new copy needs.
    applied: Vec<(usize, Phase)>,
    migrations: Vec<Rehearsed>,
}

impl Stage<'_> {
    async fn all(&mut self) -> Result<(), RehearseError> {
        self.queries.begin(&mut self.shadow).await?;
        let mut before = self.schema().await?;
        for (at, migration) in self.request.pending.iter().enumerate() {
            let whole;
            let migration = match self.request.order {
                Order::Phases => migration,
                Order::Files => {
                    whole = as_a_whole(migration);
                    &whole
                }
            };
            let Some(after) = self.expand(at, migration, &before).await? else { return Ok(()) };
            before = after;
        }
        self.queries.next(&mut self.shadow, Phase::Expand).await;
        if self.request.order == Order::Files {
            self.check().await;
            return Ok(());
        }
        for phase in [Phase::Backfill, Phase::Contract] {
            for at in 0..self.request.pending.len() {
                if !self.run(at, &self.request.pending[at], phase).await? {
                    return Ok(());
                }
            }
            if phase == Phase::Backfill {
                self.check().await;
            }
        }
        self.queries.next(&mut self.shadow, Phase::Contract).await;
        Ok(())
    }

    /// Gives the schema after it; none when it failed.
    async fn expand(
        &mut self,
        at: usize,
        migration: &Migration,
        before: &Snapshot,
    ) -> Result<Option<Snapshot>, RehearseError> {
        self.migrations.push(Rehearsed {
            version: migration.version.clone(),
            name: migration.name.clone(),
            statements: Vec::new(),
            failed: None,
            down: Down::NotTried { why: "its up side fails".to_owned() },
            checks: Vec::new(),
        });
        if !self.run(at, migration, Phase::Expand).await? {
            return Ok(None);
        }
        let after = self.schema().await?;
        self.applied.push((at, Phase::Expand));
        let Judged { verdict, copy } = judge(&mut self.shadow, migration, before, &after).await?;
        self.anew_after(copy).await?;
        self.migrations[at].down = match verdict {
            Verdict::Settled(down) => down,
            Verdict::Open(otherwise) => {
                let (down, copy) =
                    judge_whole(&mut self.shadow, migration, otherwise, before, &after).await?;
                self.anew_after(copy).await?;
                down
            }
        };
        self.queries.after(&mut self.shadow, &migration.version).await;
        Ok(Some(after))
    }

    /// Runs the parts of a phase; whether they went well.
    async fn run(&mut self, at: usize, migration: &Migration, phase: Phase) -> Result<bool, RehearseError> {
        for part in migration.parts.iter().filter(|part| part.phase() == phase) {
            let batch = Batch { phase, statements: statements(part), transactions: migration.transactions };
            let applied = apply(&mut self.shadow, batch).await?;
            let rehearsed = &mut self.migrations[at];
            rehearsed.statements.extend(applied.runs);
            if let Some(mut failure) = applied.failed {
                failure.incomplete |= self
                    .migrations
                    .iter()
                    .flat_map(|migration| &migration.statements)
                    .any(|run| run.left_out.is_some());
                self.migrations[at].failed = Some(failure);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A new copy, with all that was applied, where the one that is there is not as it was.
    async fn anew_after(&mut self, left: Left) -> Result<(), RehearseError> {
        if left == Left::AsItWas {
            return Ok(());
        }
        self.shadow.renew(self.request).await?;
        self.queries.begin(&mut self.shadow).await?;
        for &(at, phase) in &self.applied {
            let whole;
            let migration = match self.request.order {
                Order::Phases => &self.request.pending[at],
                Order::Files => {
                    whole = as_a_whole(&self.request.pending[at]);
                    &whole
                }
            };
            for part in migration.parts.iter().filter(|part| part.phase() == phase) {
                let batch =
                    Batch { phase, statements: statements(part), transactions: migration.transactions };
                apply(&mut self.shadow, batch).await?;
            }
        }
        Ok(())
    }

    async fn schema(&mut self) -> Result<Snapshot, RehearseError> {
        snapshot(&mut self.shadow.connection, &Filter::default())
            .await
            .map_err(query("reading the copy's schema"))
    }

    /// Asks what must find nothing. On a copy without rows only whether it can be asked: what it finds there is no row of anybody.
    async fn check(&mut self) {
        let is_empty = self.shadow.copied.rows == Rows::None;
        for (at, migration) in self.request.pending.iter().enumerate() {
            for statement in &migration.checks {
                let found = match self.shadow.connection.rows(&statement.text).await {
                    Ok(rows) if rows.is_empty() || is_empty => continue,
                    Ok(rows) => format!("{} rows", rows.len()),
                    Err(error) => apply::said(&error),
                };
                self.migrations[at].checks.push(FailedCheck { statement: statement.clone(), found });
            }
        }
    }
}

/// All of a migration as one expand.
fn as_a_whole(migration: &Migration) -> Migration {
    let all = migration.parts.iter().flat_map(statements).cloned().collect();
    Migration { parts: vec![Part::Expand { statements: all }], ..migration.clone() }
}
