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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bascule_migrations::{File, FormatWish, Outline, Version, read};
    use bascule_sql::Dialect;

    use super::*;
    use crate::journal::{Origin, Record};
    use crate::migrator::differences::differences;
    use crate::migrator::wish::{Missing, Order, Phases};

    const PARTS: [&str; 3] = [
        "-- expand\nSELECT 1;\n",
        "-- expand\nSELECT 1;\n\n-- contract\nSELECT 2;\n",
        "-- expand\nSELECT 1;\n\n-- backfill table=t key=id\nUPDATE t SET a = 1;\n\n-- contract\nSELECT 2;\n",
    ];
    const STATES: [State; 4] = [State::Applying, State::Applied, State::Reverting, State::Reverted];
    const CONTRACTS: [Contract; 4] = [Contract::None, Contract::Waiting, Contract::Applying, Contract::Done];

    fn record(file: &Outline, state: State, contract: Contract, checksum: &str) -> Record {
        Record {
            version: file.version.clone(),
            position: 1,
            name: "x".to_owned(),
            checksum: checksum.to_owned(),
            accepted: BTreeSet::new(),
            state,
            contract,
            origin: Origin::Applied,
            attempt: 1,
            removed: false,
        }
    }

    /// Whatever is asked for: who has all of the files has nothing to do, and there is nothing to say.
    #[test]
    fn a_database_that_has_all_has_nothing_to_do() {
        let (mut some, mut none) = (0, 0);
        for text in PARTS {
            let files = [File::new("20260101120000_x.sql", text)];
            let set = read(&files, FormatWish::Auto, Dialect::Postgres).unwrap().migrations;
            let outline = [Outline::of(&files[0], FormatWish::Auto).unwrap()];
            let other = record(
                &Outline { version: Version("20250101120000".to_owned()), checksum: String::new() },
                State::Applied,
                Contract::None,
                "",
            );
            for (state, contract) in STATES.iter().flat_map(|state| CONTRACTS.map(|one| (*state, one))) {
                for checksum in [outline[0].checksum.as_str(), "another"] {
                    let record = record(&outline[0], state, contract, checksum);
                    let journal = Journal { records: vec![other.clone(), record] };
                    if !journal.has_all(&outline) {
                        some += 1;
                        continue;
                    }
                    none += 1;
                    for phases in [Phases::Everything, Phases::Expand, Phases::Contract] {
                        for order in [Order::Strict, Order::Loose] {
                            let wish = Wish { phases, to: None, order, missing: Missing::Borne };
                            assert_eq!(agenda(&set, &journal, &wish), [], "{journal:?} {wish:?}");
                            assert!(differences(&set, &journal, order, Missing::Borne).is_empty());
                        }
                    }
                }
            }
            assert!(!Journal::default().has_all(&outline));
        }
        assert_eq!((some, none), (3 * 30, 3 * 2));
    }
}
