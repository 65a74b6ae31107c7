//! Judgements in words.

use std::fmt;
use std::time::Duration;

use bascule_model::release::Rollout;

use super::judgement::Rule;
use super::observation::{Observation, Tally};

/// A share as a percentage, with as many digits as it takes to tell it from nothing.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let digits = if percent >= 10.0 || percent == 0.0 {
            0
        } else if percent >= 1.0 {
            1
        } else if percent >= 0.01 {
            2
        } else {
            4
        };
        let text = format!("{percent:.digits$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(f, "{text}%")
    }
}

/// `1 request`, `2 requests`.
struct Count(u64, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// `60 s`, `1.5 s`, `200 ms`.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{} s", (self.0.as_secs_f64() * 10.0).round() / 10.0)
        }
    }
}

fn users(seen: &Observation) -> Tally {
    Tally { all: seen.users.requests, failed: seen.users.errors }
}

/// The sentence of the report.
pub(super) fn sentence(rule: Rule, seen: &Observation, rollout: &Rollout, is_over: bool) -> String {
    let users = users(seen);
    let requests = Count(users.all, "request");
    let rate = Percent(users.rate());
    let limit = Percent(rollout.max_error_rate);
    let failed = users.failed;
    let probes = seen.probes.tally;
    let elapsed = Time(seen.elapsed);
    let by = seen.asker.as_str();
    let too_few = format!("{requests} from {by} in {elapsed}, fewer than {}", rollout.min_requests.max(1));
    match rule {
        Rule::Watching => {
            format!("{requests} from {by} so far, {failed} failed, {} slow", seen.users.slow)
        }
        Rule::NoBake => "no bake was asked for: nobody has looked at users' requests".to_owned(),
        Rule::Restarts => {
            format!("an instance of the new release ended or was started again {}", times(seen.restarts))
        }
        Rule::Errors if is_over => {
            format!("{failed} of {requests} from {by} failed ({rate}); {limit} is allowed")
        }
        Rule::Errors => format!(
            "{failed} of {requests} from {by} failed within {elapsed} ({rate}); {limit} is allowed, and chance does not explain it"
        ),
        Rule::Landslide => {
            format!("{failed} of the first {requests} from {by} failed ({rate})")
        }
        Rule::Latency => format!(
            "{} of {requests} from {by} took longer than {} ({}); at most 5% may for a 95th percentile below it",
            seen.users.slow,
            Time(rollout.max_p95),
            Percent(Tally { all: users.all, failed: seen.users.slow }.rate()),
        ),
        Rule::Thresholds => format!(
            "{failed} of {requests} from {by} failed ({rate}, allowed {limit}), {} took longer than {}",
            seen.users.slow,
            Time(rollout.max_p95),
        ),
        Rule::CommonOutage => common_outage(seen, rollout),
        Rule::WorseThanFormer => format!(
            "{failed} of {requests} from {by} failed ({rate}); the former release fails in the same time as well ({} of {}, {}), but significantly less",
            seen.former.failed,
            seen.former.all,
            Percent(seen.former.rate()),
        ),
        Rule::Probe if probes.all < 3 => {
            format!("{too_few}; waiting for the checks that are to decide instead ({} so far)", probes.all)
        }
        Rule::Probe => format!(
            "no data from {by} ({too_few}); the checks decided instead: {} of {} failed",
            probes.failed, probes.all
        ),
        Rule::Waiting => format!("{too_few}; waiting for more"),
        Rule::NoData => {
            format!("no data: {too_few}, and {} of the new release", Count(probes.all, "check"))
        }
    }
}

/// Both releases' rates.
pub(super) fn common_outage(seen: &Observation, rollout: &Rollout) -> String {
    let users = users(seen);
    let by = seen.asker.as_str();
    format!(
        "{} of {} from {by} of the new release failed ({}, allowed {}), and so did {} of {} of the former release in the same time ({}): something that both need is out, so this is not blamed on the new one",
        users.failed,
        Count(users.all, "request"),
        Percent(users.rate()),
        Percent(rollout.max_error_rate),
        seen.former.failed,
        Count(seen.former.all, "observation"),
        Percent(seen.former.rate()),
    )
}

fn times(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}
