//! The worker's coarse clock: moved on by its tick, read for the price of a memory access.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the worker began.
pub(crate) type Millis = u64;

/// Stands still between two ticks.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    now: Cell<Millis>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), now: Cell::new(0) }
    }

    /// The time of the last tick.
    pub(crate) fn now(&self) -> Millis {
        self.now.get()
    }

    /// Moves it on.
    pub(crate) fn tick(&self) -> Millis {
        self.now.set(millis(self.began.elapsed()));
        self.now()
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
