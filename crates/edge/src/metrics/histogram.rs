//! A log-linear histogram of latencies in microseconds.
//!
//! Below 16 µs each value has its own bucket; above, each power of two is cut into 8, so that a quantile is at most
//! 12.5 % too high and never too low. The largest bucket holds everything above 2^36 µs (19 hours).

use serde::{Deserialize, Serialize};

const EXACT: u64 = 16;
const FIRST_POWER: u32 = 4;
const LAST_POWER: u32 = 35;
const PER_POWER: usize = 8;

/// How many buckets there are.
pub const BUCKETS: usize = 16 + (LAST_POWER - FIRST_POWER + 1) as usize * PER_POWER;

/// The bucket that a value in µs falls into.
#[must_use]
pub fn bucket_of(micros: u64) -> usize {
    if micros < EXACT {
        return usize::try_from(micros).unwrap_or(0);
    }
    let power = 63 - micros.leading_zeros();
    if power > LAST_POWER {
        return BUCKETS - 1;
    }
    let part = usize::try_from((micros >> (power - 3)) & 7).unwrap_or(0);
    16 + (power - FIRST_POWER) as usize * PER_POWER + part
}

/// The largest value in µs that falls into a bucket.
#[must_use]
pub fn upper_bound(bucket: usize) -> u64 {
    if bucket < 16 {
        return bucket as u64;
    }
    let power = FIRST_POWER + u32::try_from((bucket - 16) / PER_POWER).unwrap_or(0);
    let part = ((bucket - 16) % PER_POWER) as u64;
    (1 << power) + (part + 1) * (1 << (power - 3)) - 1
}

/// Counts per bucket. On the wire only the buckets that hold something, as `[bucket, count]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<(usize, u64)>", from = "Vec<(usize, u64)>")]
pub struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS] }
    }
}

impl Histogram {
    /// Adds `count` values to a bucket; one that does not exist is ignored.
    pub fn add(&mut self, bucket: usize, count: u64) {
        if let Some(cell) = self.counts.get_mut(bucket) {
            *cell = cell.saturating_add(count);
        }
    }

    /// Adds one value in µs.
    pub fn record(&mut self, micros: u64) {
        self.add(bucket_of(micros), 1);
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The value in µs that a share `q` (0 to 1) of all values does not exceed; `None` when there is none at all.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = ((total as f64 * q.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| upper_bound(bucket))
        })
    }

    /// How many values are certainly above this many µs: those of the buckets that begin above it.
    #[must_use]
    pub fn above(&self, micros: u64) -> u64 {
        self.counts.iter().skip(bucket_of(micros) + 1).sum()
    }

    /// What came since `earlier` was read from the same counters.
    #[must_use]
    pub fn minus(&self, earlier: &Self) -> Self {
        let counts =
            self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { counts }
    }

    /// Both together.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.counts.iter().enumerate() {
            self.add(bucket, *count);
        }
    }
}

impl From<Histogram> for Vec<(usize, u64)> {
    fn from(histogram: Histogram) -> Self {
        histogram.counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
    }
}

impl From<Vec<(usize, u64)>> for Histogram {
    fn from(pairs: Vec<(usize, u64)>) -> Self {
        let mut histogram = Self::default();
        for (bucket, count) in pairs {
            histogram.add(bucket, count);
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_touch_without_gap_or_overlap() {
        let mut lower = 0;
        for bucket in 0..BUCKETS - 1 {
            let upper = upper_bound(bucket);
            assert_eq!(bucket_of(lower), bucket, "{lower}");
            assert_eq!(bucket_of(upper), bucket, "{upper}");
            lower = upper + 1;
        }
    }

    #[test]
    fn the_difference_of_two_readings_is_what_came_between() {
        let mut earlier = Histogram::default();
        earlier.record(100);
        let mut later = earlier.clone();
        later.record(9_000);
        assert_eq!(later.minus(&earlier).count(), 1);
        assert_eq!(later.minus(&earlier).quantile(0.5), Some(upper_bound(bucket_of(9_000))));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_never_below_the_true_value_and_at_most_an_eighth_above(
            mut values in prop::collection::vec(0_u64..10_000_000, 1..200), q in 0.01_f64..1.0
        ) {
            let mut histogram = Histogram::default();
            for value in &values { histogram.record(*value); }
            values.sort_unstable();
            let rank = ((values.len() as f64 * q).ceil() as usize).max(1);
            let exact = values[rank - 1];
            let found = histogram.quantile(q).unwrap();
            prop_assert!(found >= exact && found <= exact + exact / 8 + 1, "{found} for {exact}");
        }

        #[test]
        fn it_survives_the_wire(values in prop::collection::vec(any::<u64>(), 0..50)) {
            let mut histogram = Histogram::default();
            for value in &values { histogram.record(*value); }
            let text = serde_json::to_string(&histogram).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
        }
    }
}
