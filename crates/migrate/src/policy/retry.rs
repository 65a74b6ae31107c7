//! When a statement that did not get its lock is tried again.

use std::time::Duration;

/// The longest rest between two tries.
const LONGEST: Duration = Duration::from_secs(10);

/// How often and for how long a statement was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often it was tried, from 1.
    pub attempt: u32,
    /// Since it was tried first.
    pub elapsed: Duration,
    /// How long it may be tried.
    pub budget: Duration,
    /// How long it waits for its lock each time.
    pub lock_timeout: Duration,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is tried again after that time, in which others come through.
    Again(Duration),
    /// It is given up.
    GiveUp,
}

impl Retry {
    /// What is done after a try that did not get its lock. `chance` spreads several runners.
    #[must_use]
    pub fn next(&self, chance: u64) -> Next {
        let Some(left) = self.budget.checked_sub(self.elapsed).filter(|left| !left.is_zero()) else {
            return Next::GiveUp;
        };
        // Those who queued behind us need at least as long as we held them up.
        let base = self.lock_timeout.max(Duration::from_millis(50));
        let grown = base.saturating_mul(1 << self.attempt.saturating_sub(1).min(6)).min(LONGEST);
        // From half of it to one and a half.
        let spread = grown / 2 + grown.mul_f64(unit(chance));
        Next::Again(spread.min(left))
    }
}

/// A number from 0 up to 1.
fn unit(chance: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let unit = (chance >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rests_grow_until_the_budget_is_spent() {
        let at = |attempt, elapsed| Retry {
            attempt,
            elapsed: Duration::from_millis(elapsed),
            budget: Duration::from_secs(60),
            lock_timeout: Duration::from_millis(500),
        };
        let half = 1 << 63;
        let rest = |retry: Retry| match retry.next(half) {
            Next::Again(rest) => Some(rest.as_millis()),
            Next::GiveUp => None,
        };
        assert_eq!(rest(at(1, 500)), Some(500));
        assert_eq!(rest(at(2, 1_500)), Some(1_000));
        assert_eq!(rest(at(5, 10_000)), Some(8_000));
        assert_eq!(rest(at(9, 20_000)), Some(10_000));
        assert_eq!(rest(at(9, 59_000)), Some(1_000));
        assert_eq!(rest(at(9, 60_000)), None);
    }

    proptest! {
        #[test]
        fn a_rest_is_never_none_and_never_beyond_the_budget(
            attempt in 1_u32..100, elapsed in 0_u64..100_000, chance: u64,
        ) {
            let budget = Duration::from_secs(60);
            let retry = Retry {
                attempt,
                elapsed: Duration::from_millis(elapsed),
                budget,
                lock_timeout: Duration::from_millis(200),
            };
            match retry.next(chance) {
                Next::GiveUp => prop_assert!(retry.elapsed >= budget),
                Next::Again(rest) => {
                    prop_assert!(!rest.is_zero());
                    prop_assert!(retry.elapsed + rest <= budget);
                }
            }
        }
    }
}
