//! How far a backfill is.

use std::time::Duration;

use super::quarantine::BadRow;
use super::throttle::Waiting;

/// What a backfill tells of itself while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// A batch is committed.
    Progress(Progress),
    /// It gives way to others.
    Waiting(Waiting),
    /// A row was put aside.
    BadRow(BadRow),
}

/// How far a backfill is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Rows that it has gone past.
    pub done: u64,
    /// Rows in the table, about; none where nobody knows.
    pub estimate: Option<u64>,
    /// Rows per second, of late.
    pub rate: f64,
    /// Rows in the next batch.
    pub batch: u32,
    /// How long the last batch took.
    pub took: Duration,
    /// Rows that the server refused.
    pub bad_rows: u32,
}

impl Progress {
    /// About how long it still takes.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        left(self.done, self.estimate, self.rate)
    }
}

/// About how long it still takes; none where that is not known.
pub fn left(done: u64, estimate: Option<u64>, rate: f64) -> Option<Duration> {
    let rows = estimate?.saturating_sub(done);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let seconds = rows as f64 / rate;
    // Without a rate it is infinite or no number.
    Duration::try_from_secs_f64(seconds).ok()
}

/// The rate of late, after so many more rows in so long: older batches count less and less.
pub fn rate(before: f64, rows: u32, took: Duration) -> f64 {
    let now = f64::from(rows) / took.as_secs_f64().max(0.001);
    if before <= 0.0 { now } else { before.mul_add(0.8, now * 0.2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_the_rate() {
        assert_eq!(left(250, Some(1_000), 75.0), Some(Duration::from_secs(10)));
        assert_eq!(left(1_200, Some(1_000), 75.0), Some(Duration::ZERO));
        assert_eq!(left(10, None, 75.0), None);
        assert_eq!(left(10, Some(100), 0.0), None);
    }

    #[test]
    fn the_rate_begins_with_the_first_batch_and_then_moves_slowly() {
        assert!((rate(0.0, 1_000, Duration::from_secs(1)) - 1_000.0).abs() < 0.1);
        assert!((rate(1_000.0, 2_000, Duration::from_secs(1)) - 1_200.0).abs() < 0.1);
    }
}
