//! Keeping a pace: plain requests at a rate, bodies at so many bytes per second.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When one worker's next request is due.
pub(crate) enum Pace {
    /// One after the other.
    Unbound,
    /// At fixed times; a late one does not move those after it.
    Every { next: Instant, step: Duration },
}

impl Pace {
    /// The pace of worker `number` of `workers`, who together make `rate` requests per second.
    pub(crate) fn shared(rate: Option<f64>, number: usize, workers: usize) -> Self {
        match rate {
            Some(rate) if rate > 0.0 => {
                let step = Duration::from_secs_f64(workers as f64 / rate);
                let offset = step.mul_f64(number as f64 / workers as f64);
                Self::Every { next: Instant::now() + offset, step }
            }
            _ => Self::Unbound,
        }
    }

    /// Waits until the next request is due, and tells since when it is.
    pub(crate) async fn due(&mut self) -> Instant {
        match self {
            Self::Unbound => Instant::now(),
            Self::Every { next, step } => {
                let due = *next;
                sleep_until(due).await;
                *next += *step;
                due
            }
        }
    }
}

/// When a body that began at `start` may go on, having come to `offset` at `rate` bytes per second.
pub(crate) fn body_due(start: Instant, offset: u64, rate: Option<u64>) -> Option<Instant> {
    let rate = rate.filter(|rate| *rate > 0)?;
    let due = start + Duration::from_secs_f64(offset as f64 / rate as f64);
    (due > Instant::now()).then_some(due)
}
