//! A histogram with a bounded relative error: 64 buckets to each power of two, so at most 1.6 %.
//! It holds microseconds up to about 71 minutes in 12 KiB, and adding is two shifts and an increment.

const BITS: u32 = 6;
const BUCKETS: usize = 1 << BITS;
/// Powers of two that values may have; larger values count as the largest.
const POWERS: usize = 26;

/// Counts of values by size.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS * (POWERS + 1)], total: 0, largest: 0 }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let index = index(value).min(self.counts.len() - 1);
        self.counts[index] += 1;
        self.total += 1;
        self.largest = self.largest.max(value);
    }

    /// The smallest bucket bound that `quantile` (0 to 1) of the values do not exceed; 0 when there is none.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let rank = ((self.total as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_bound(index).min(self.largest);
            }
        }
        self.largest
    }

    /// The largest value.
    pub fn max(&self) -> u64 {
        self.largest
    }
}

/// Values below 64 have a bucket each; above, the leading bit picks the row and the six bits after it the bucket.
fn index(value: u64) -> usize {
    if value < BUCKETS as u64 {
        return value as usize;
    }
    let shift = value.ilog2() - BITS;
    BUCKETS * (shift as usize + 1) + ((value >> shift) as usize - BUCKETS)
}

fn upper_bound(index: usize) -> u64 {
    if index < BUCKETS {
        return index as u64;
    }
    let shift = (index / BUCKETS - 1) as u32;
    let first = ((index % BUCKETS + BUCKETS) as u64) << shift;
    first + (1 << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_never_below_nor_far_above_its_values() {
        for value in (0..5000).chain([65_535, 65_536, 1 << 31, (1 << 32) - 1]) {
            let bound = upper_bound(index(value));
            assert!(bound >= value, "{value} lies above its bucket's bound {bound}");
            assert!((bound - value) as f64 <= value as f64 / 64.0, "{value} lies too far below {bound}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0);
        (1..=10_000).for_each(|value| histogram.add(value));
        for (quantile, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0), (1.0, 10_000.0)] {
            let found = histogram.quantile(quantile) as f64;
            assert!(found >= exact && found <= exact * 1.016, "{quantile}: {found} for {exact}");
        }
        histogram.add(u64::MAX);
        assert_eq!(histogram.max(), u64::MAX);
    }
}
