//! Time of the cluster: the runtime's clock, so that tests with paused time have it in their hands.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The time that the controllers have come to. It moves by `set` alone, so that what fell due since the last
/// request is done at the time it fell due, in its order.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    epoch: Timestamp,
    now: Instant,
}

impl Clock {
    pub(crate) fn new(epoch: Timestamp) -> Self {
        let start = Instant::now();
        Self { start, epoch, now: start }
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn set(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Since the cluster was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now.duration_since(self.start)
    }

    /// `2026-11-26T10:00:00Z`, the form of `metav1.Time`.
    pub(crate) fn stamp(&self) -> String {
        self.stamp_of(self.now)
    }

    pub(crate) fn stamp_of(&self, when: Instant) -> String {
        let passed = when.duration_since(self.start);
        let time = self.epoch.checked_add(passed).unwrap_or(self.epoch);
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
