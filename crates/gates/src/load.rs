//! How an app did under load.

use bascule_model::units::Ratio;

/// What one or more runs of a load tool saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests that were sent.
    pub requests: u64,
    /// Those that failed or were not answered with a 2xx or 3xx.
    pub errors: u64,
    /// The 95th percentile in milliseconds; none: the tool tells none.
    pub p95: Option<Ratio>,
    /// It is a higher percentile, since the tool does not tell the 95th: the true one is at most this.
    pub is_bound: bool,
}

impl Load {
    /// Adds another run. The percentile of both together is at most the larger one, which is taken.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let p95 = match (self.p95, other.p95) {
            (Some(one), Some(two)) => Some(one.max(two)),
            _ => None,
        };
        Self {
            requests: self.requests + other.requests,
            errors: self.errors + other.errors,
            p95,
            is_bound: self.is_bound || other.is_bound,
        }
    }
}
