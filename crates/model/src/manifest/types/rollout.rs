//! How a release is brought in and watched.

use serde::{Deserialize, Serialize};

use crate::units::{Duration, Percent};

/// How a release is brought in and watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The way of the change.
    pub strategy: Strategy,
    /// With [`Strategy::Rolling`], so many instances of a service fewer than it has may be ready.
    pub max_unavailable: u32,
    /// And so many more may be there.
    pub max_surge: u32,
    /// The time in which all instances must be started and ready; with [`Strategy::Rolling`], the longest time without a step forward.
    pub deadline: Duration,
    /// How long the new release is watched after the switch; zero: not at all.
    pub bake: Duration,
    /// The share of failed requests (5xx and failed connections) above which the new release is taken back.
    pub max_error_rate: Percent,
    /// The 95th percentile of the response time above which the new release is taken back.
    pub max_p95: Duration,
    /// With fewer requests from users during the bake, the verdict on them is `no-data`.
    pub min_requests: u64,
    /// What decides when there is no data.
    pub on_no_data: OnNoData,
    /// How long the former release stays up after the bake, ready for a rollback in an instant.
    pub warm: Duration,
    /// How many releases are kept for a rollback that starts them anew.
    pub keep: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            strategy: Strategy::BlueGreen,
            max_unavailable: 0,
            max_surge: 1,
            deadline: Duration::from_seconds(300),
            bake: Duration::from_seconds(60),
            max_error_rate: Percent::from_parts_per_million(1_000),
            max_p95: Duration::from_seconds(2),
            min_requests: 100,
            on_no_data: OnNoData::Probe,
            warm: Duration::from_seconds(600),
            keep: 5,
        }
    }
}

/// The way of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All instances of the new release beside the old ones, then one switch.
    BlueGreen,
    /// Instance by instance, as those of the former release go.
    Rolling,
}

/// What decides on a bake that saw fewer than `min_requests` requests from users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnNoData {
    /// The checks, repeated all through the bake.
    Probe,
    /// The bake goes on until there are enough requests.
    Wait,
    /// The release is taken back.
    Fail,
}
