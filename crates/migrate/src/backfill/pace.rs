//! How many rows the next batch takes, from how long the last one took. Pure.

use std::time::Duration;

/// The size of batches: so many rows as take about `target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a batch is meant to hold its rows.
    pub target: Duration,
    /// No batch has fewer rows, but after errors.
    pub floor: u32,
    /// No batch has more rows.
    pub ceiling: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { target: Duration::from_millis(100), floor: 50, ceiling: 100_000 }
    }
}

impl Pace {
    /// The size after a batch of `rows` rows that took so long. It shrinks at once and grows slowly: one batch that was quick by chance
    /// is not followed by one that holds its rows too long.
    #[must_use]
    pub fn after(&self, rows: u32, took: Duration) -> u32 {
        let took = took.as_secs_f64().max(0.000_1);
        let factor = self.target.as_secs_f64() / took;
        // Far from the target the measure is mostly overhead, and there is room for a bold step.
        let most = if factor > 8.0 { 4.0 } else { 1.5 };
        let wanted = f64::from(rows.max(1)) * factor.clamp(0.1, most);
        self.bounded(wanted)
    }

    fn bounded(&self, rows: f64) -> u32 {
        let bounded = rows.clamp(f64::from(self.floor), f64::from(self.ceiling.max(self.floor)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two u32")]
        let rows = bounded as u32;
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_size_follows_the_time_that_a_batch_took() {
        let pace = Pace { target: Duration::from_millis(100), floor: 10, ceiling: 50_000 };
        for (rows, took, next) in [
            (1_000, 100, 1_000),
            (1_000, 200, 500),
            (1_000, 80, 1_250),
            (1_000, 50, 1_500),
            (1_000, 5, 4_000),
            (1_000, 5_000, 100),
            (12, 5_000, 10),
            (40_000, 1, 50_000),
            (0, 100, 10),
        ] {
            assert_eq!(pace.after(rows, Duration::from_millis(took)), next, "{rows} rows in {took} ms");
        }
    }

    proptest! {
        #[test]
        fn a_steady_table_is_soon_near_the_target(micros_per_row in 1_u32..2_000, start in 1_u32..200_000) {
            let pace = Pace { target: Duration::from_millis(100), floor: 1, ceiling: 1_000_000 };
            let mut size = start;
            for _ in 0..40 {
                size = pace.after(size, Duration::from_micros(u64::from(size) * u64::from(micros_per_row)));
            }
            let took = u64::from(size) * u64::from(micros_per_row);
            prop_assert!((90_000..=101_000).contains(&took), "{size} rows take {took} µs");
        }
    }
}
