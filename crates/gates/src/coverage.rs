//! Which lines tests went through, file by file, over all reports.

use std::collections::BTreeMap;

/// Lines that could be gone through, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    files: BTreeMap<String, Lines>,
}

/// The lines of one file: number from 1, and whether any test went through it. Sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<(u32, bool)>);

/// How many lines of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Lines that tests went through.
    pub covered: u64,
    /// All lines that could be gone through.
    pub total: u64,
}

impl Lines {
    /// From lines in any order; one that stands there several times is covered when one of them is.
    #[must_use]
    pub fn new(mut lines: Vec<(u32, bool)>) -> Self {
        if !lines.is_sorted_by(|one, two| one.0 < two.0) {
            lines.sort_unstable_by_key(|(number, covered)| (*number, !covered));
            lines.dedup_by_key(|(number, _)| *number);
        }
        Self(lines)
    }

    /// How many of them are covered.
    #[must_use]
    pub fn share(&self) -> Share {
        let covered = self.0.iter().filter(|(_, covered)| *covered).count() as u64;
        Share { covered, total: self.0.len() as u64 }
    }

    /// The lines that no test went through.
    pub fn uncovered(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().filter(|(_, covered)| !covered).map(|(number, _)| *number)
    }
}

impl Coverage {
    /// Adds the lines of a file. What another report says of them counts too, and no line counts twice.
    pub fn add(&mut self, file: &str, lines: Lines) {
        if let Some(known) = self.files.get_mut(file) {
            let mut all = std::mem::take(&mut known.0);
            all.extend(lines.0);
            *known = Lines::new(all);
        } else {
            self.files.insert(file.to_owned(), lines);
        }
    }

    /// Adds all of another report.
    pub fn merge(&mut self, other: Self) {
        for (file, lines) in other.files {
            self.add(&file, lines);
        }
    }

    /// Its files with their lines.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Lines)> {
        self.files.iter().map(|(file, lines)| (file.as_str(), lines))
    }

    /// How many of all lines are covered.
    #[must_use]
    pub fn share(&self) -> Share {
        self.files.values().map(Lines::share).fold(Share::default(), |sum, share| Share {
            covered: sum.covered + share.covered,
            total: sum.total + share.total,
        })
    }

    /// The same, of the lines alone that `new` says of a file are new.
    #[must_use]
    pub fn only<'a>(&self, new: impl Fn(&str) -> Box<dyn Fn(u32) -> bool + 'a>) -> Self {
        let files = self.files.iter().map(|(file, lines)| {
            let is_new = new(file);
            let kept = lines.0.iter().filter(|(number, _)| is_new(*number)).copied().collect();
            (file.clone(), Lines(kept))
        });
        Self { files: files.filter(|(_, lines)| !lines.0.is_empty()).collect() }
    }

    /// The files with the most lines that no test went through, the worst first.
    #[must_use]
    pub fn worst(&self, count: usize) -> Vec<(&str, Share)> {
        let mut files: Vec<_> = self.files().map(|(file, lines)| (file, lines.share())).collect();
        files.retain(|(_, share)| share.covered < share.total);
        files.sort_by_key(|(file, share)| (std::cmp::Reverse(share.total - share.covered), *file));
        files.truncate(count);
        files
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(reports: &[Vec<(u8, u32, bool)>]) -> Coverage {
        let mut all = Coverage::default();
        for report in reports {
            let mut one = Coverage::default();
            for (file, line, covered) in report {
                one.add(&format!("f{}", file % 3), Lines::new(vec![(*line, *covered)]));
            }
            all.merge(one);
        }
        all
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_reports_do_not_matter(
            mut reports in prop::collection::vec(prop::collection::vec((0_u8..3, 1_u32..20, any::<bool>()), 0..12), 0..5)
        ) {
            let once = of(&reports);
            reports.reverse();
            prop_assert_eq!(&once, &of(&reports));
            let twice: Vec<_> = reports.iter().chain(&reports).cloned().collect();
            prop_assert_eq!(&once, &of(&twice));
        }
    }

    #[test]
    fn a_line_of_two_reports_counts_once_and_a_hit_in_one_is_a_hit() {
        let all = of(&[vec![(0, 1, false), (0, 2, false)], vec![(0, 1, true), (0, 3, true)]]);
        assert_eq!(all.share(), Share { covered: 2, total: 3 });
        assert_eq!(all.worst(9), [("f0", Share { covered: 2, total: 3 })]);
        let new = all.only(|_| Box::new(|line| line == 2));
        assert_eq!(new.share(), Share { covered: 0, total: 1 });
    }
}
