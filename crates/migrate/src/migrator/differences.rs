//! Where the files and the journal do not agree. Pure.

use bascule_migrations::{Migration, Turn, Version};

use super::wish::{Missing, Order};
use crate::error::Difference;
use crate::journal::{Journal, Record, State};

/// How a migration of the set stands to the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is not applied.
    Pending,
    /// It is applied, or on the way.
    Known(&'a Record),
    /// It is applied and its file was changed since.
    Edited(&'a Record),
}

/// The journal by version: a set and a journal of a thousand each are compared in no time.
pub type Known<'a> = std::collections::BTreeMap<&'a Version, &'a Record>;

/// How a migration stands.
pub fn standing<'a>(known: &Known<'a>, migration: &Migration) -> Standing<'a> {
    match known.get(&migration.version).copied() {
        None => Standing::Pending,
        Some(record) if record.state == State::Reverted => Standing::Pending,
        // Of one that is half applied, the statements that are done are compared one by one.
        Some(record) if record.state == State::Applying || record.accepts(&migration.checksum) => {
            Standing::Known(record)
        }
        // It is written to be applied again whenever it changes.
        Some(_) if migration.origin.turn == Turn::Repeatable => Standing::Pending,
        Some(record) => Standing::Edited(record),
    }
}

/// All differences. The texts of edited ones are filled in by whoever shows them.
pub fn differences(set: &[Migration], journal: &Journal, order: Order, missing: Missing) -> Vec<Difference> {
    let mut list = Vec::new();
    let known = journal.by_version();
    let last = last_applied(set, &known);
    for (at, migration) in set.iter().enumerate() {
        match standing(&known, migration) {
            Standing::Edited(record) => list.push(Difference::Edited {
                version: record.version.0.clone(),
                path: migration.path.clone(),
                applied: String::new(),
                file: migration.up.clone(),
            }),
            Standing::Pending if order == Order::Strict && migration.origin.turn == Turn::Ordered => {
                if let Some(last) = last.filter(|last| at < *last) {
                    list.push(Difference::OutOfOrder {
                        version: migration.version.0.clone(),
                        after: set[last].version.0.clone(),
                    });
                }
            }
            Standing::Pending | Standing::Known(_) => {}
        }
    }
    if missing == Missing::Refused {
        list.extend(absent(set, journal).map(|record| Difference::Missing {
            version: record.version.0.clone(),
            name: record.name.clone(),
        }));
    }
    list
}

/// The place of the last one that is applied of those that have an order.
pub fn last_applied(set: &[Migration], known: &Known<'_>) -> Option<usize> {
    set.iter().rposition(|migration| {
        migration.origin.turn == Turn::Ordered
            && known.get(&migration.version).is_some_and(|record| record.stands())
    })
}

/// What is applied and not in the set.
pub fn absent<'a>(set: &'a [Migration], journal: &'a Journal) -> impl Iterator<Item = &'a Record> {
    let known: std::collections::BTreeSet<&Version> =
        set.iter().map(|migration| &migration.version).collect();
    journal
        .records
        .iter()
        .filter(move |record| record.stands() && !record.removed && !known.contains(&record.version))
}
