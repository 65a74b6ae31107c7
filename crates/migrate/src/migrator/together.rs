//! Files that only make what is new share a transaction, a few at a time.
//!
//! Each is written down as if it had been alone. Nobody waits for them meanwhile, because they lock nothing that was there before; and
//! when one of them fails, all are run again one by one, so that what stands before it stays.

use bascule_migrations::{Migration, Phase, Transactions};
use bascule_sql::{Blocks, Class, Dialect, Statement};

use super::agenda::{Item, Progress, has};
use super::session::{Session, statements};
use super::wish::Phases;
use crate::policy::{Manner, Settings, treat};

/// So many files at most: what a killed runner loses is done again quickly, and the server's table of locks has room.
const FILES: usize = 16;
/// So long together at most, bytes.
const LENGTH: usize = 64 << 10;

/// How many of the items, from the first on, are run together. Less than two: the first is run on its own.
pub fn companions(dialect: Dialect, set: &[Migration], items: &[Item], phases: Phases) -> usize {
    // The others end a transaction at each such statement, or have one writer anyway.
    if dialect != Dialect::Postgres {
        return 0;
    }
    let mut length = 0;
    let fits = |item: &&Item| {
        let migration = &set[item.at];
        length += migration.up.len();
        length <= LENGTH && is_plain(migration, **item, phases)
    };
    items.iter().take(FILES).take_while(fits).count()
}

fn is_plain(migration: &Migration, item: Item, phases: Phases) -> bool {
    let fresh = item.phase == Phase::Expand && item.progress == Progress::Fresh && item.attempt == 1;
    let usual = migration.transactions == Transactions::Usual && migration.checks.is_empty();
    let filled_next = phases == Phases::Everything && has(migration, Phase::Backfill);
    if !fresh || !usual || filled_next {
        return false;
    }
    let statements = statements(&migration.parts, Phase::Expand);
    !statements.is_empty() && statements.iter().all(makes_what_is_new)
}

/// It adds, and takes no lock on anything that was there.
fn makes_what_is_new(statement: &Statement) -> bool {
    let (treatment, _, effect) = treat(Dialect::Postgres, statement);
    treatment.manner == Manner::Transaction
        && treatment.settings == Settings::Unchanged
        && effect.class == Class::Expand
        && effect.blocks == Blocks::Nothing
        && effect.locks.is_empty()
}

impl Session<'_> {
    /// Applies the expands of several migrations in one transaction; false when that went wrong, and nothing of them is done.
    pub async fn apply_together(&mut self, set: &[Migration], items: &[Item], phases: Phases) -> bool {
        let parts: Vec<Vec<Statement>> =
            items.iter().map(|item| statements(&set[item.at].parts, item.phase)).collect();
        let works: Vec<_> = items
            .iter()
            .zip(&parts)
            .map(|(item, statements)| self.work(&set[item.at], *item, phases, statements))
            .collect();
        self.run_together(&works).await
    }
}
