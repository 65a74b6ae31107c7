//! Counters that go on when whoever keeps them was started again.

use serde::{Deserialize, Serialize};

use super::observation::Counts;

/// Sums up what cumulative counters say, from a baseline on. A counter that is lower than before began anew from zero: what it says
/// is then added whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accumulator {
    total: Counts,
    last: Counts,
}

impl Accumulator {
    /// Counts what comes after this reading.
    #[must_use]
    pub fn after(baseline: Counts) -> Self {
        Self { total: Counts::default(), last: baseline }
    }

    /// Takes the next reading; answers all that was counted since the baseline.
    pub fn add(&mut self, now: Counts) -> Counts {
        let last = self.last;
        let began_anew = now.requests < last.requests || now.errors < last.errors || now.slow < last.slow;
        let from = if began_anew { Counts::default() } else { last };
        self.total.requests = self.total.requests.saturating_add(now.requests - from.requests);
        self.total.errors = self.total.errors.saturating_add(now.errors - from.errors);
        self.total.slow = self.total.slow.saturating_add(now.slow - from.slow);
        self.last = now;
        self.total
    }

    /// All that was counted since the baseline.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.total
    }
}
