//! What became of tests, over all reports.

/// How many tests ended how, and which did not pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suites {
    /// Passed, those that passed at a later try too.
    pub passed: u64,
    /// An expectation did not hold.
    pub failed: u64,
    /// They could not be brought to their end.
    pub errors: u64,
    /// They were not run.
    pub skipped: u64,
    /// Passed only at a later try; they are among the passed.
    pub flaky: u64,
    /// The first of those that did not pass, by name.
    pub bad: Vec<String>,
}

/// So many names are kept.
const NAMES: usize = 20;

impl Suites {
    /// All tests, those that were not run too.
    #[must_use]
    pub fn tests(&self) -> u64 {
        self.passed.saturating_add(self.failed).saturating_add(self.errors).saturating_add(self.skipped)
    }

    /// Notes the name of one that did not pass.
    pub fn name(&mut self, name: String) {
        if self.bad.len() < NAMES {
            self.bad.push(name);
        }
    }

    /// Adds another report.
    pub fn merge(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.errors = self.errors.saturating_add(other.errors);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.flaky = self.flaky.saturating_add(other.flaky);
        other.bad.into_iter().for_each(|name| self.name(name));
    }
}
