//! What makes the register misbehave. An answer that a fault made carries `x-fault`, so that a client can tell it from a
//! request that was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::RegisterError;
use crate::options::is_on;

/// What is wrong with it; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// `NEVER_HEALTHY=1`: `/health` answers 503 for ever.
    pub never_healthy: bool,
    /// `ERROR_RATE=5%`: that share of answers is a 500, evenly spread; never `/health`. In percent.
    pub error_rate: u64,
    answers: Arc<AtomicU64>,
}

impl Faults {
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, RegisterError> {
        let wrong = RegisterError::BadValue { name: "ERROR_RATE", expected: "a percentage such as 5%" };
        let percent = |text: String| text.strip_suffix('%')?.parse().ok().filter(|percent| *percent <= 100);
        let error_rate = match lookup("ERROR_RATE") {
            Some(text) => percent(text).ok_or(wrong)?,
            None => 0,
        };
        Ok(Self { never_healthy: is_on(lookup("NEVER_HEALTHY")), error_rate, ..Self::default() })
    }

    /// Counts an answer, and says whether it is one that fails.
    pub(crate) fn strikes(&self) -> bool {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        (number + 1) * self.error_rate / 100 > number * self.error_rate / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_exact_and_even() {
        let faults = Faults::read(|name| (name == "ERROR_RATE").then(|| "5%".to_owned())).unwrap();
        let struck: Vec<usize> = (1..=60).filter(|_| faults.strikes()).collect();
        assert_eq!(struck, [20, 40, 60]);
        assert!(!Faults::default().strikes());
    }
}
