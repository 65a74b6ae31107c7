//! The way up: what is new, in order.

use std::cmp::Ordering;

use super::both::Both;
use super::{Applied, Apply, OutOfOrder, PendingError, Reason, Todo};
use crate::formats;
use crate::migration::{Migration, Turn, Version};

pub(super) fn up(
    both: &Both<'_>,
    target: Option<&Version>,
    out_of_order: OutOfOrder,
    todo: &mut Todo,
) -> Result<(), PendingError> {
    let last = both.set.migrations.iter().position(|migration| Some(&migration.version) == target);
    for (at, migration) in both.set.migrations.iter().enumerate() {
        let Some(reason) = reason(both, migration) else { continue };
        // What repeats is written for the schema as it is at the end.
        let repeats = migration.origin.turn == Turn::Repeatable
            && target.is_some_and(|wanted| *wanted != migration.version);
        if repeats || last.is_some_and(|last| at > last) {
            todo.left.push(migration.version.clone());
        } else {
            todo.apply.push(Apply { version: migration.version.clone(), reason });
        }
    }
    if out_of_order == OutOfOrder::Apply {
        return Ok(());
    }
    let late = |apply: &Apply| match &apply.reason {
        Reason::Late(after) => Some((apply.version.clone(), after.clone())),
        Reason::New | Reason::Changed => None,
    };
    let late: Vec<_> = todo.apply.iter().filter_map(late).collect();
    match late.last().map(|(_, after)| after.clone()) {
        None => Ok(()),
        Some(after) => {
            let late = late.into_iter().map(|(version, _)| version).collect();
            Err(PendingError::OutOfOrder { late, after })
        }
    }
}

/// Why a migration is to be applied; none where it is not.
fn reason(both: &Both<'_>, migration: &Migration) -> Option<Reason> {
    if let Some(one) = both.applied(&migration.version.0) {
        let changed = one.checksum != migration.checksum && !one.accepted.contains(&migration.checksum);
        return (migration.origin.turn == Turn::Repeatable && changed).then_some(Reason::Changed);
    }
    if migration.origin.turn != Turn::Ordered {
        return Some(Reason::New);
    }
    let after = |one: &&Applied| {
        formats::order(both.set.format, &one.version.0, &migration.version.0) == Some(Ordering::Greater)
    };
    let last = both.applied.iter().filter(after).max_by(|one, other| {
        formats::order(both.set.format, &one.version.0, &other.version.0).unwrap_or(Ordering::Equal)
    });
    Some(last.map_or(Reason::New, |one| Reason::Late(one.version.clone())))
}
