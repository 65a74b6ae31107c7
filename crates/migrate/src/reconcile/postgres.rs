//! What came of a statement of PostgreSQL. Pure.

use std::collections::BTreeSet;

use super::Verdict;
use super::probe::Probe;

/// By what was and what is; none where that cannot be told.
pub fn judge(probe: &Probe, before: Option<&str>, now: Option<&str>) -> Option<Verdict> {
    match probe {
        Probe::Repeatable => Some(Verdict::NotDone),
        Probe::Indexes { .. } => {
            let known: BTreeSet<&str> = before?.split(',').map(|index| index.trim_end_matches('!')).collect();
            let is_new = |index: &&str| !index.is_empty() && !known.contains(index.trim_end_matches('!'));
            // An invalid one is dropped before the statement is sent again.
            let valid = now?.split(',').filter(is_new).any(|index| !index.ends_with('!'));
            Some(if valid { Verdict::Done } else { Verdict::NotDone })
        }
        Probe::Partition { finish, .. } => Some(match now {
            None => {
                if before.is_some() {
                    Verdict::Done
                } else {
                    Verdict::NotDone
                }
            }
            Some("true") => Verdict::Finish(finish.clone()),
            Some(_) => Verdict::NotDone,
        }),
        // What was there and is there again under another number was made anew.
        Probe::Existence { .. } => Some(if before == now { Verdict::NotDone } else { Verdict::Done }),
        Probe::Fingerprints { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_built_when_a_new_one_is_valid() {
        let probe = Probe::Indexes { sql: String::new() };
        for (before, now, verdict) in [
            (Some(""), Some(""), Some(Verdict::NotDone)),
            (Some(""), Some("7"), Some(Verdict::Done)),
            (Some(""), Some("7!"), Some(Verdict::NotDone)),
            (Some("5"), Some("5"), Some(Verdict::NotDone)),
            (Some("5,6!"), Some("5,6,7!"), Some(Verdict::NotDone)),
            (Some("5"), Some("5,7"), Some(Verdict::Done)),
            (None, Some("7"), None),
        ] {
            assert_eq!(judge(&probe, before, now), verdict, "{before:?} {now:?}");
        }
    }

    #[test]
    fn what_comes_or_goes_has_changed() {
        let probe = Probe::Existence { sql: String::new() };
        for (before, now, verdict) in [
            (None, None, Verdict::NotDone),
            (None, Some("7"), Verdict::Done),
            (Some("7"), None, Verdict::Done),
            (Some("7"), Some("7"), Verdict::NotDone),
        ] {
            assert_eq!(judge(&probe, before, now), Some(verdict), "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_partition_that_is_half_gone_is_brought_to_its_end() {
        let probe = Probe::Partition { sql: String::new(), finish: "F".to_owned() };
        assert_eq!(judge(&probe, Some("false"), Some("true")), Some(Verdict::Finish("F".to_owned())));
        assert_eq!(judge(&probe, Some("false"), Some("false")), Some(Verdict::NotDone));
        assert_eq!(judge(&probe, Some("false"), None), Some(Verdict::Done));
    }
}
