//! Which backups go. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::manifest::{Id, Manifest};

/// What is kept. A backup stays when any of these wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The newest.
    pub last: usize,
    /// The newest of each of so many days (UTC) on which there are some.
    pub daily: usize,
    /// The newest of each of so many weeks (from Monday, UTC) in which there are some.
    pub weekly: usize,
}

const DAY: i64 = 24 * 60 * 60;

/// Those that nothing wants any more, the oldest first. The newest stays whatever is asked, and so does the newest that was verified.
#[must_use]
pub fn superseded(backups: &[Manifest], retention: Retention) -> Vec<Id> {
    let mut newest: Vec<&Manifest> = backups.iter().collect();
    newest.sort_by(|one, other| (other.taken_at, &other.id).cmp(&(one.taken_at, &one.id)));
    let mut kept: BTreeSet<&Id> =
        newest.iter().take(retention.last.max(1)).map(|backup| &backup.id).collect();
    kept.extend(newest.iter().find(|backup| backup.verified.is_some()).map(|backup| &backup.id));
    let day = |backup: &Manifest| backup.taken_at.as_second().div_euclid(DAY);
    // The first day of 1970 was a Thursday.
    let week = |backup: &Manifest| (day(backup) + 3).div_euclid(7);
    kept.extend(first_of_each(&newest, day, retention.daily));
    kept.extend(first_of_each(&newest, week, retention.weekly));
    newest.iter().rev().map(|backup| &backup.id).filter(|id| !kept.contains(id)).cloned().collect()
}

fn first_of_each<'a>(
    newest: &[&'a Manifest],
    period: impl Fn(&Manifest) -> i64,
    periods: usize,
) -> impl Iterator<Item = &'a Id> {
    let mut seen = BTreeSet::new();
    let first: Vec<&'a Id> = newest
        .iter()
        .filter(|backup| seen.insert(period(backup)))
        .take(periods)
        .map(|backup| &backup.id)
        .collect();
    first.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::manifest;

    fn times(backups: &[Manifest], gone: &[Id]) -> Vec<String> {
        let left = backups.iter().filter(|backup| !gone.contains(&backup.id));
        left.map(|backup| backup.taken_at.strftime("%d %H").to_string()).collect()
    }

    /// Monday was the 5th of January 2026.
    #[test]
    fn each_rule_keeps_its_own() {
        let at = |time: &str, verified: bool| {
            manifest(&format!("2026-01-{time}:00:00Z"), verified.then_some("2026-01-31T00:00:00Z"))
        };
        let backups = [
            at("04T10", false),
            at("05T01", true),
            at("05T23", false),
            at("06T10", false),
            at("12T08", false),
            at("12T20", false),
            at("13T10", false),
        ];
        for (last, daily, weekly, left) in [
            (0, 0, 0, vec!["05 01", "13 10"]),
            (1, 0, 0, vec!["05 01", "13 10"]),
            (3, 0, 0, vec!["05 01", "12 08", "12 20", "13 10"]),
            (0, 2, 0, vec!["05 01", "12 20", "13 10"]),
            (0, 4, 0, vec!["05 01", "05 23", "06 10", "12 20", "13 10"]),
            (0, 0, 2, vec!["05 01", "06 10", "13 10"]),
            (0, 0, 9, vec!["04 10", "05 01", "06 10", "13 10"]),
            (1, 2, 2, vec!["05 01", "06 10", "12 20", "13 10"]),
            (99, 0, 0, vec!["04 10", "05 01", "05 23", "06 10", "12 08", "12 20", "13 10"]),
        ] {
            let gone = superseded(&backups, Retention { last, daily, weekly });
            assert_eq!(times(&backups, &gone), left, "{last} {daily} {weekly}");
        }
    }

    #[test]
    fn the_last_verified_one_is_never_given_up() {
        let old = manifest("2020-01-01T00:00:00Z", Some("2020-01-01T01:00:00Z"));
        let newer: Vec<Manifest> =
            (1..9).map(|day| manifest(&format!("2026-01-0{day}T00:00:00Z"), None)).collect();
        let backups = [vec![old.clone()], newer].concat();
        let gone = superseded(&backups, Retention { last: 1, daily: 1, weekly: 1 });
        assert!(!gone.contains(&old.id));
        assert_eq!(gone.len(), 7);
        assert!(superseded(&[], Retention { last: 1, daily: 1, weekly: 1 }).is_empty());
    }
}
