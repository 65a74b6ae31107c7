//! `SHOP_FAULT_ERROR_RATE=5%`: that share of answers is a 500. Spread evenly and not drawn by lot, so that a test that
//! counts 1000 answers meets 50 of them each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Lookup, value};
use crate::ShopError;

const WHOLE: u64 = 1_000_000;

/// The share of answers that fail, and how many there were.
#[derive(Clone, Debug, Default)]
pub struct ErrorRate {
    millionths: u64,
    answers: Arc<AtomicU64>,
}

impl ErrorRate {
    /// That many of a million answers fail: `50_000` is 5 %.
    pub fn of_a_million(millionths: u64) -> Self {
        Self { millionths, answers: Arc::default() }
    }

    pub(super) fn read(lookup: Lookup<'_>) -> Result<Self, ShopError> {
        Ok(Self::of_a_million(value::millionths(lookup, "SHOP_FAULT_ERROR_RATE")?.unwrap_or(0)))
    }

    /// Counts an answer and tells whether it is one that fails.
    pub(super) fn strikes(&self) -> bool {
        if self.millionths == 0 {
            return false;
        }
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        // Failed so far, rounded down, grows by one exactly at the answers that fail.
        (number + 1) * self.millionths / WHOLE > number * self.millionths / WHOLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_exact_and_even() {
        for (millionths, expected) in [(0, 0), (1_000, 1), (50_000, 50), (333_333, 333), (1_000_000, 1000)] {
            let rate = ErrorRate::of_a_million(millionths);
            let struck = (0..1000).filter(|_| rate.strikes()).count();
            assert_eq!(struck, expected, "{millionths} of a million");
        }
        let rate = ErrorRate::of_a_million(50_000);
        let first: Vec<usize> = (1..=60).filter(|_| rate.strikes()).collect();
        assert_eq!(first, [20, 40, 60]);
    }
}
