//! `coverage` and `new_coverage`.

use bascule_model::gate::ReportKind;
use bascule_model::manifest::{Condition, Operator};
use bascule_model::units::Ratio;

use super::{Kept, Seen, read_all, without};
use crate::coverage::{Coverage, Share};
use crate::diff::ChangedLines;
use crate::read;

/// All reports of coverage as one, and what is wrong with them.
pub(super) struct Evidence<'a> {
    kept: &'a [Kept<'a>],
    all: Coverage,
    bad: Vec<String>,
}

impl<'a> Evidence<'a> {
    /// Reads them.
    pub fn read(kept: &'a [Kept<'a>], root: &str) -> Self {
        let (good, bad) = read_all(kept, |bytes| read::coverage(bytes, root));
        let mut all = Coverage::default();
        good.into_iter().for_each(|one| all.merge(one));
        Self { kept, all, bad }
    }

    /// Over all lines.
    pub fn of_all(&self, condition: &Condition) -> Seen {
        if let Some(nothing) = without(ReportKind::Coverage, self.kept, &self.bad) {
            return nothing;
        }
        judge(&self.all, condition, "lines").unwrap_or_else(|| {
            Seen::nothing(
                "the reports name no line that could be gone through",
                "have the tests run with coverage over the app's own files",
            )
        })
    }

    /// Over the changed lines.
    pub fn of_new(&self, condition: &Condition, changed: Option<&ChangedLines>) -> Seen {
        if let Some(nothing) = without(ReportKind::Coverage, self.kept, &self.bad) {
            return nothing;
        }
        let Some(changed) = changed else {
            return Seen::nothing(
                "nobody knows which lines were changed",
                "have the pipeline run on a commit of a git repository that has the live release's commit",
            );
        };
        let new = self.all.only(|file| changed.of(file));
        judge(&new, condition, "changed lines").unwrap_or_else(|| {
            Seen::pass("no line".to_owned(), "no line was changed that could be gone through".to_owned())
        })
    }
}

/// None where there is no line.
fn judge(coverage: &Coverage, condition: &Condition, what: &str) -> Option<Seen> {
    let share = coverage.share();
    let percent = Ratio::of(share.covered, share.total)?.times(100)?;
    let shown = percent.beside(condition.limit);
    let value = format!("{shown}% ({} of {} {what})", share.covered, share.total);
    let why = format!("{} of {} {what} are covered: {shown}%", share.covered, share.total);
    if condition.holds(percent) {
        return Some(Seen::pass(value, why));
    }
    let worst: Vec<String> = coverage
        .worst(3)
        .into_iter()
        .map(|(file, share)| format!("{file} ({} uncovered)", share.total - share.covered))
        .collect();
    let where_to =
        if worst.is_empty() { String::new() } else { format!(", most of them in {}", worst.join(", ")) };
    let remedy = match missing(share, condition) {
        Some(missing) => {
            format!("cover {missing} more of the {} uncovered {what}{where_to}", share.total - share.covered)
        }
        None => format!("{}% does not fit the condition, whatever is covered", condition.as_str()),
    };
    Some(Seen::fail(value, why, remedy))
}

/// How many more lines have to be covered.
fn missing(share: Share, condition: &Condition) -> Option<u64> {
    if !matches!(condition.operator, Operator::AtLeast | Operator::Greater) {
        return None;
    }
    let holds = |covered: u64| {
        Ratio::of(covered, share.total)
            .and_then(|ratio| ratio.times(100))
            .is_some_and(|ratio| condition.holds(ratio))
    };
    // The smallest number that holds: the condition is monotone in it.
    let (mut low, mut high) = (share.covered, share.total);
    if !holds(high) {
        return None;
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle }
    }
    Some(high - share.covered)
}
