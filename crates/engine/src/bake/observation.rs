//! What a bake has seen so far.

use std::time::Duration;

use bascule_model::evidence::{Status, Traffic};
use serde::{Deserialize, Serialize};

/// Users' requests to a release since the bake began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that ended.
    pub requests: u64,
    /// Of those: answered 5xx, or not answered.
    pub errors: u64,
    /// Of those: slower than the rollout's `max_p95`.
    pub slow: u64,
}

impl From<&Traffic> for Counts {
    fn from(traffic: &Traffic) -> Self {
        Self { requests: traffic.requests, errors: traffic.errors, slow: traffic.slow }
    }
}

/// Whose requests those are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asker {
    /// Users.
    #[default]
    Users,
    /// We ourselves, in their place.
    Probe,
}

impl Asker {
    /// As it stands in a sentence: requests from whom.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Probe => "the probe",
        }
    }
}

/// Things that were tried, and how many of them went wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub all: u64,
    /// Those that went wrong.
    pub failed: u64,
}

impl Tally {
    /// The share that went wrong, 0 to 1; 0 of nothing.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.failed as f64 / self.all as f64 }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { all: self.all + other.all, failed: self.failed + other.failed }
    }
}

/// The checks of the new release, repeated all through the bake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// How many, and how many failed.
    pub tally: Tally,
    /// How the last one ended; none before the first.
    pub last: Option<Status>,
}

impl Probes {
    /// Takes one more into account. What brought no data says nothing, and is not counted.
    pub fn add(&mut self, status: Status) {
        if status != Status::NoData {
            self.tally.all += 1;
            self.tally.failed += u64::from(status == Status::Fail);
            self.last = Some(status);
        }
    }
}

/// Everything that a verdict rests on. All counts are since the bake began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Time since the switch.
    pub elapsed: Duration,
    /// Users' requests to the new release, or those in their place.
    pub users: Counts,
    /// Which of them.
    pub asker: Asker,
    /// Checks of the new release.
    pub probes: Probes,
    /// The former release in the same window: what was left of its requests, and checks of it while it stands by. Empty where
    /// there is none.
    pub former: Tally,
    /// How often an instance of the new release ended or was started again.
    pub restarts: u32,
}
