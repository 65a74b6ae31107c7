//! Whether there is a backup that can be counted on. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::manifest::{Id, Manifest};

/// How old the newest backup is that was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Freshness {
    /// Young enough.
    Fresh {
        /// Which.
        id: Id,
        /// Seconds since it was taken.
        age_s: u64,
    },
    /// Too old.
    Stale {
        /// Which.
        id: Id,
        /// Seconds since it was taken.
        age_s: u64,
    },
    /// There are backups, but none was read back.
    Unverified,
    /// There are none.
    Never,
}

impl Freshness {
    /// Whether what cannot be undone may be done.
    #[must_use]
    pub fn allows(&self) -> bool {
        matches!(self, Self::Fresh { .. })
    }
}

/// Of these backups, where one may be `at_most` so old. Counted from when it was taken, not from when it was read back.
#[must_use]
pub fn freshness(backups: &[Manifest], now: Timestamp, at_most: Duration) -> Freshness {
    let newest =
        backups.iter().filter(|backup| backup.verified.is_some()).max_by_key(|backup| backup.taken_at);
    let Some(newest) = newest else {
        return if backups.is_empty() { Freshness::Never } else { Freshness::Unverified };
    };
    // One of the future is of a clock that was wrong: it is no older than now.
    let age_s = u64::try_from(now.as_second() - newest.taken_at.as_second()).unwrap_or_default();
    let id = newest.id.clone();
    if age_s <= at_most.as_secs() { Freshness::Fresh { id, age_s } } else { Freshness::Stale { id, age_s } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::manifest;

    #[test]
    fn only_one_that_was_read_back_counts() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let verified = manifest("2026-01-09T00:00:00Z", Some("2026-01-09T05:00:00Z"));
        let newer = manifest("2026-01-09T20:00:00Z", None);
        let future = manifest("2026-02-01T00:00:00Z", Some("2026-02-01T00:00:00Z"));
        for (backups, at_most, expected) in [
            (vec![], 24, Freshness::Never),
            (vec![newer.clone()], 24, Freshness::Unverified),
            (
                vec![verified.clone(), newer.clone()],
                24,
                Freshness::Fresh { id: verified.id.clone(), age_s: 86_400 },
            ),
            (vec![newer, verified.clone()], 23, Freshness::Stale { id: verified.id, age_s: 86_400 }),
            (vec![future.clone()], 1, Freshness::Fresh { id: future.id, age_s: 0 }),
        ] {
            let found = freshness(&backups, now, hours(at_most));
            assert_eq!(found.allows(), matches!(expected, Freshness::Fresh { .. }));
            assert_eq!(found, expected);
        }
    }
}
