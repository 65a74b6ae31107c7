//! `tests`.

use bascule_model::gate::ReportKind;
use bascule_model::manifest::Condition;
use bascule_model::units::Ratio;

use super::{Kept, Seen, read_all, without};
use crate::read;
use crate::suites::Suites;

/// So many names of tests that did not pass are told.
const NAMES: usize = 3;

/// All reports of tests as one, and what is wrong with them.
pub(super) struct Evidence<'a> {
    kept: &'a [Kept<'a>],
    all: Suites,
    bad: Vec<String>,
}

impl<'a> Evidence<'a> {
    /// Reads them.
    pub fn read(kept: &'a [Kept<'a>]) -> Self {
        let (good, bad) = read_all(kept, read::suites);
        let mut all = Suites::default();
        good.into_iter().for_each(|one| all.merge(one));
        Self { kept, all, bad }
    }

    /// The condition counts those that failed or ended with an error.
    pub fn judge(&self, condition: &Condition) -> Seen {
        if let Some(nothing) = without(ReportKind::Tests, self.kept, &self.bad) {
            return nothing;
        }
        let all = &self.all;
        if all.passed + all.failed + all.errors == 0 {
            let why = format!("no test was run ({} skipped)", all.skipped);
            return Seen::nothing(why, "have the tests run, and not skipped");
        }
        let flaky =
            if all.flaky > 0 { format!(", {} passed at a later try only", all.flaky) } else { String::new() };
        let value = format!(
            "{} failed, {} errors ({} passed, {} skipped{flaky})",
            all.failed, all.errors, all.passed, all.skipped
        );
        let why =
            format!("of {} tests, {} failed and {} ended with an error", all.tests(), all.failed, all.errors);
        if condition.holds(Ratio::whole(all.failed + all.errors)) {
            return Seen::pass(value, why);
        }
        let names = all.bad.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
        let more = (all.failed + all.errors).saturating_sub(NAMES as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Seen::fail(value, why, format!("mend {names}{more}"))
    }
}
