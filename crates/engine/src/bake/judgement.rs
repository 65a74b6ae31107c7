//! What comes out: a verdict, with all that it rests on, for the report.

use bascule_model::evidence::Status;
use bascule_model::problem::Code;
use serde::{Deserialize, Serialize, Serializer};

use super::observation::{Observation, Tally};

/// What to do now.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing is decided yet; how it stands.
    GoOn(Judgement),
    /// The bake is over, the new release stays.
    Pass(Judgement),
    /// The former release gets the traffic back, at once.
    SwitchBack(Judgement),
}

impl Verdict {
    /// With the reason why there is no data from users, where that is what it rests on.
    #[must_use]
    pub fn because(mut self, why: Option<&str>) -> Self {
        let (Self::GoOn(judgement) | Self::Pass(judgement) | Self::SwitchBack(judgement)) = &mut self;
        if let (Some(why), Rule::Probe | Rule::Waiting | Rule::NoData) = (why, judgement.rule) {
            judgement.sentence = format!("{}; {why}", judgement.sentence);
        }
        self
    }

    /// What it rests on.
    #[must_use]
    pub fn judgement(&self) -> &Judgement {
        match self {
            Self::GoOn(judgement) | Self::Pass(judgement) | Self::SwitchBack(judgement) => judgement,
        }
    }
}

/// The rule that decided. Names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Nothing was decided yet.
    Watching,
    /// No bake was asked for.
    NoBake,
    /// An instance of the new release ended.
    Restarts,
    /// More errors than `max_error_rate` allows.
    Errors,
    /// Few requests, and most of them failed.
    Landslide,
    /// More slow answers than a 95th percentile of `max_p95` allows.
    Latency,
    /// Errors and latency are within the thresholds.
    Thresholds,
    /// The former release fails as well, and no less: something that both need is out.
    CommonOutage,
    /// The former release fails as well, but significantly less.
    WorseThanFormer,
    /// Too few requests: the checks decided.
    Probe,
    /// Too few requests: the bake waits for more.
    Waiting,
    /// Too few requests, and nothing else to decide by.
    NoData,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 12] = [
        Self::Watching,
        Self::NoBake,
        Self::Restarts,
        Self::Errors,
        Self::Landslide,
        Self::Latency,
        Self::Thresholds,
        Self::CommonOutage,
        Self::WorseThanFormer,
        Self::Probe,
        Self::Waiting,
        Self::NoData,
    ];

    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::NoBake => "no-bake",
            Self::Restarts => "restarts",
            Self::Errors => "errors",
            Self::Landslide => "landslide",
            Self::Latency => "latency",
            Self::Thresholds => "thresholds",
            Self::CommonOutage => "common-outage",
            Self::WorseThanFormer => "worse-than-former",
            Self::Probe => "probe",
            Self::Waiting => "waiting",
            Self::NoData => "no-data",
        }
    }

    /// The code of the problem when this rule switches back.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Restarts => Code::BakeRestarts,
            Self::Latency => Code::BakeLatency,
            Self::NoData | Self::Waiting | Self::NoBake => Code::BakeNoData,
            _ => Code::BakeErrors,
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How each criterion stands. A criterion that nothing was seen for has no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criteria {
    /// Users' requests that failed. No data too when what was seen tells nothing about the release (a common outage).
    pub errors: Status,
    /// Users' requests that were slow.
    pub latency: Status,
    /// Instances that ended.
    pub restarts: Status,
    /// Checks.
    pub probes: Status,
}

/// The figures that a judgement rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Time since the switch, in milliseconds.
    pub elapsed_ms: u64,
    /// Users' requests to the new release.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Their share, 0 to 1; null without requests.
    pub error_rate: Option<f64>,
    /// Of the requests, slower than `max_p95`.
    pub slow: u64,
    /// Their share, 0 to 1; null without requests.
    pub slow_rate: Option<f64>,
    /// Checks of the new release.
    pub probes: Tally,
    /// Requests and checks of the former release in the same window.
    pub former: Tally,
    /// Instances of the new release that ended or were started again.
    pub restarts: u32,
}

impl Figures {
    pub(super) fn of(seen: &Observation) -> Self {
        let share = |part: u64| {
            (seen.users.requests > 0).then(|| Tally { all: seen.users.requests, failed: part }.rate())
        };
        Self {
            elapsed_ms: u64::try_from(seen.elapsed.as_millis()).unwrap_or(u64::MAX),
            requests: seen.users.requests,
            errors: seen.users.errors,
            error_rate: share(seen.users.errors),
            slow: seen.users.slow,
            slow_rate: share(seen.users.slow),
            probes: seen.probes.tally,
            former: seen.former,
            restarts: seen.restarts,
        }
    }
}

/// A verdict's grounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The rule that decided.
    pub rule: Rule,
    /// How each criterion stands.
    pub criteria: Criteria,
    /// What was seen.
    pub figures: Figures,
    /// One sentence for the report.
    pub sentence: String,
    /// What the reader should worry about although it passed.
    pub warning: Option<String>,
}
