//! The way down: what was applied last goes first.

use std::cmp::Ordering;

use super::both::Both;
use super::{Applied, DownFrom, PendingError, Revert, no_such};
use crate::formats;
use crate::migration::Turn;

/// What comes after a version, in the reverse order of application.
pub(super) fn to(both: &Both<'_>, wanted: &str) -> Result<Vec<Revert>, PendingError> {
    let target = both.applied(wanted);
    if target.is_none() && wanted != "0" {
        return Err(match (both.file(wanted), both.applied.last()) {
            (Some(migration), Some(last)) => {
                PendingError::NotApplied { wanted: migration.version.clone(), last: last.version.clone() }
            }
            _ => no_such(both, wanted),
        });
    }
    let after = |one: &&Applied| match target {
        None => true,
        Some(target) => {
            formats::order(both.set.format, &one.version.0, &target.version.0) == Some(Ordering::Greater)
        }
    };
    let back = both.applied.iter().rev();
    back.filter(after).filter(|one| once(both, one)).map(|one| revert(both, one)).collect()
}

/// The last so many.
pub(super) fn by(both: &Both<'_>, count: usize) -> Result<Vec<Revert>, PendingError> {
    let back = both.applied.iter().rev();
    back.filter(|one| once(both, one)).take(count).map(|one| revert(both, one)).collect()
}

/// What repeats has no way back, and needs none.
fn once(both: &Both<'_>, one: &Applied) -> bool {
    both.file(&one.version.0).is_none_or(|migration| migration.origin.turn != Turn::Repeatable)
}

fn revert(both: &Both<'_>, one: &Applied) -> Result<Revert, PendingError> {
    let file = || both.file(&one.version.0).and_then(|migration| migration.down.as_ref());
    let from = match (&one.down, file()) {
        (Some(_), _) => DownFrom::Journal,
        (None, Some(_)) => DownFrom::File,
        (None, None) => return Err(PendingError::Irreversible { version: one.version.clone() }),
    };
    Ok(Revert { version: one.version.clone(), from, contract: one.contract })
}
