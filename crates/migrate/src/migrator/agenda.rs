//! What is to be done, in order: pure.

use bascule_migrations::{Migration, Part, Phase};

use super::differences::{Standing, standing};
use super::wish::Wish;
use crate::journal::{Contract, Journal, State};

/// One part that is to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its migration's place in the set.
    pub at: usize,
    /// Which part.
    pub phase: Phase,
    /// Which application of the migration.
    pub attempt: u32,
    /// Its place in the journal.
    pub position: u64,
    /// Whether some of it may be done already.
    pub progress: Progress,
}

/// How far a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing of it is done.
    Fresh,
    /// Some of it may be.
    Begun,
}

/// What is to be done. Differences are looked for elsewhere: edited migrations are taken as applied.
pub fn agenda(set: &[Migration], journal: &Journal, wish: &Wish) -> Vec<Item> {
    let mut items = Vec::new();
    let mut next_position = journal.last_position();
    let known = journal.by_version();
    for (at, migration) in set.iter().enumerate() {
        let record = match standing(&known, migration) {
            Standing::Pending => None,
            Standing::Known(record) | Standing::Edited(record) => Some(record),
        };
        let (attempt, position) = match (record, known.get(&migration.version)) {
            (Some(record), _) => (record.attempt, record.position),
            (None, before) => {
                next_position += 1;
                (before.map_or(1, |before| before.attempt + 1), next_position)
            }
        };
        let mut push = |phase, progress| items.push(Item { at, phase, attempt, position, progress });
        let state = record.map(|record| record.state);
        let expand = match state {
            None => Some(Progress::Fresh),
            Some(State::Applying) => Some(Progress::Begun),
            _ => None,
        };
        if let Some(progress) = expand.filter(|_| wish.phases.include(Phase::Expand)) {
            push(Phase::Expand, progress);
        }
        let expanded = expand.is_none() || wish.phases.include(Phase::Expand);
        // One that is being taken back is not contracted.
        let contract = match (state, record.map_or_else(|| waiting(migration), |record| record.contract)) {
            (Some(State::Reverting | State::Reverted), _) | (_, Contract::None | Contract::Done) => None,
            (_, Contract::Waiting) => Some(Progress::Fresh),
            (_, Contract::Applying) => Some(Progress::Begun),
        };
        let open = expand.is_some() || contract.is_some();
        if open && expanded && has(migration, Phase::Backfill) && wish.phases.include(Phase::Backfill) {
            push(Phase::Backfill, if record.is_some() { Progress::Begun } else { Progress::Fresh });
        }
        if let Some(progress) = contract.filter(|_| expanded && wish.phases.include(Phase::Contract)) {
            push(Phase::Contract, progress);
        }
        if wish.to.as_ref() == Some(&migration.version) {
            break;
        }
    }
    items
}

/// Whether a migration has a part of that phase with something in it.
pub fn has(migration: &Migration, phase: Phase) -> bool {
    migration.parts.iter().any(|part| match part {
        Part::Expand { statements } | Part::Contract { statements } => {
            part.phase() == phase && !statements.is_empty()
        }
        Part::Backfill(_) => phase == Phase::Backfill,
    })
}

/// How far the contract of a migration is that is only expanded.
pub fn waiting(migration: &Migration) -> Contract {
    if has(migration, Phase::Contract) { Contract::Waiting } else { Contract::None }
}
