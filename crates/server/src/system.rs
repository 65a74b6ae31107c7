//! The real clock and the names of runs: the only places of the control plane that ask the system for time or chance.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bascule_engine::engine::RunIds;
use bascule_engine::ports::Clock;
use bascule_model::ids::RunId;
use jiff::Timestamp;

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// Begins to count now.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is passed in everywhere else")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Names runs by the time in milliseconds and a little chance, in Crockford's base 32: short to type, sorted by time.
#[derive(Debug, Default)]
pub struct TimedIds;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunIds for TimedIds {
    fn next(&self) -> RunId {
        #[expect(clippy::disallowed_methods, reason = "ids carry the time at which they were made")]
        let millis = Timestamp::now().as_millisecond().cast_unsigned();
        let mut chance = [0_u8; 2];
        // Without a source of chance the time alone still names the run: one control plane makes one run a millisecond.
        let _ = getrandom::fill(&mut chance);
        RunId::from_text(format!(
            "run-{}",
            base32((millis << 10) | (u64::from(u16::from_le_bytes(chance)) & 0x3ff))
        ))
    }
}

fn base32(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(DIGITS[(number & 31) as usize]);
        number >>= 5;
    }
    digits.reverse();
    String::from_utf8_lossy(&digits).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_runs_sort_after_earlier_ones() {
        let first = TimedIds.next();
        std::thread::sleep(Duration::from_millis(2));
        let second = TimedIds.next();
        assert!(first < second, "{first} {second}");
        assert_eq!(first.as_str().len(), "run-".len() + 11);
    }
}
