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

    /// Waits until the next request is due, and tells since when its latency counts: from its time when the request
    /// before it kept it from being sent then, otherwise from now, since a timer's lateness is not the server's.
    pub(crate) async fn due(&mut self) -> Instant {
        let Self::Every { next, step } = self else { return Instant::now() };
        let due = *next;
        *next += *step;
        if due <= Instant::now() {
            return due;
        }
        sleep_until(due).await;
        Instant::now()
    }
}

/// When a body that began at `start` may go on, having come to `offset` at `rate` bytes per second.
pub(crate) fn body_due(start: Instant, offset: u64, rate: Option<u64>) -> Option<Instant> {
    let rate = rate.filter(|rate| *rate > 0)?;
    let due = start + Duration::from_secs_f64(offset as f64 / rate as f64);
    (due > Instant::now()).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_was_held_up_counts_from_its_time() {
        let step = Duration::from_millis(20);
        let start = Instant::now();
        let mut pace = Pace::Every { next: start, step };
        let first = pace.due().await;
        assert_eq!(first, start);
        sleep_until(start + step * 3).await;
        // The second and third were due while the first was under way; the fourth too, or just now.
        assert_eq!(pace.due().await, start + step);
        assert_eq!(pace.due().await, start + step * 2);
        pace.due().await;
        let later = pace.due().await;
        assert!(later >= start + step * 4, "it was let go before its time");
    }

    #[test]
    fn workers_share_the_rate_and_begin_one_after_the_other() {
        let now = Instant::now();
        let Pace::Every { next, step } = Pace::shared(Some(100.0), 5, 10) else { panic!("there is a rate") };
        assert_eq!(step, Duration::from_millis(100));
        assert!(next >= now + Duration::from_millis(50));
        assert!(matches!(Pace::shared(None, 0, 10), Pace::Unbound));
    }
}
