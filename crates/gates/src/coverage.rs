//! Which lines tests went through, file by file, over all reports.

use std::collections::BTreeMap;

/// Lines that could be gone through, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    files: BTreeMap<String, Lines>,
}

/// The lines of one file: number from 1, and whether any test went through it. Each once.
///
/// Kept as two bits a line, in blocks of 64 numbers: a report of a million lines takes hundreds of kilobytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<u32, Block>);

/// Numbers of lines in one block.
const BLOCK: u32 = u64::BITS;

/// Bits for the lines of a block that has any, the lowest for the first. Whatever is covered can be gone through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Block {
    all: u64,
    covered: u64,
}

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
    pub fn new(lines: impl IntoIterator<Item = (u32, bool)>) -> Self {
        let mut blocks = Self::default();
        // Most lines are in the block of the line before: the others alone are looked up.
        let (mut place, mut block) = (0, Block::default());
        for (number, is_covered) in lines {
            if number / BLOCK != place {
                blocks.join(place, block);
                (place, block) = (number / BLOCK, Block::default());
            }
            block.all |= 1 << (number % BLOCK);
            block.covered |= u64::from(is_covered) << (number % BLOCK);
        }
        blocks.join(place, block);
        blocks
    }

    /// Adds lines of a block; one that is there already is covered when one of both is.
    fn join(&mut self, place: u32, block: Block) {
        if block.all != 0 {
            let known = self.0.entry(place).or_default();
            known.all |= block.all;
            known.covered |= block.covered;
        }
    }

    /// Adds other lines of the file.
    fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(place, block)| self.join(place, block));
    }

    /// Its lines, the lowest number first.
    fn iter(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        self.0.iter().flat_map(|(place, block)| {
            let has = |bits: u64, bit: u32| bits >> bit & 1 == 1;
            let bits = (0..BLOCK).filter(move |bit| has(block.all, *bit));
            bits.map(move |bit| (place * BLOCK + bit, has(block.covered, bit)))
        })
    }

    /// How many of them are covered.
    #[must_use]
    pub fn share(&self) -> Share {
        self.0.values().fold(Share::default(), |sum, block| Share {
            covered: sum.covered + u64::from(block.covered.count_ones()),
            total: sum.total + u64::from(block.all.count_ones()),
        })
    }

    /// The lines that no test went through.
    pub fn uncovered(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter().filter(|(_, covered)| !covered).map(|(number, _)| number)
    }
}

impl Coverage {
    /// Adds the lines of a file. What another report says of them counts too, and no line counts twice.
    pub fn add(&mut self, file: &str, lines: Lines) {
        if let Some(known) = self.files.get_mut(file) {
            known.merge(lines);
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
            (file.clone(), Lines::new(lines.iter().filter(|(number, _)| is_new(*number))))
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

    proptest! {
        #[test]
        fn lines_are_those_that_were_put_in(
            lines in prop::collection::vec((prop_oneof![0_u32..200, 4_294_967_200..=u32::MAX], any::<bool>()), 0..60)
        ) {
            let mut expected: BTreeMap<u32, bool> = BTreeMap::new();
            lines.iter().for_each(|(number, covered)| *expected.entry(*number).or_default() |= covered);
            let read = Lines::new(lines.iter().copied());
            prop_assert_eq!(read.iter().collect::<BTreeMap<_, _>>(), expected.clone());
            prop_assert!(read.iter().map(|(number, _)| number).is_sorted());
            let covered = expected.values().filter(|covered| **covered).count() as u64;
            prop_assert_eq!(read.share(), Share { covered, total: expected.len() as u64 });
            prop_assert_eq!(read.uncovered().count() as u64, expected.len() as u64 - covered);
            prop_assert_eq!(read, Lines::new(expected));
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
