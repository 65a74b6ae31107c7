//! The rules, in their order.

use std::time::Duration;

use bascule_model::evidence::Status;
use bascule_model::release::{OnNoData, Rollout};

use super::judgement::{Criteria, Figures, Judgement, Rule, Verdict};
use super::observation::{Counts, Observation, Tally};
use super::sentences;
use super::statistics::{binomial_tail, worse};

/// Chance of a false alarm that ends a bake early. Small, since the judge looks many times.
const EARLY: f64 = 0.001;
/// Chance of taking equals for "the new one is worse".
const WORSE: f64 = 0.01;
/// The share of slow answers that a 95th percentile allows.
const SLOW_SHARE: f64 = 0.05;
/// Fewest errors that end a bake of few requests.
const LANDSLIDE: u64 = 5;
/// Fewest observations, and failures among them, of the former release that make it a failing one.
const FORMER: Tally = Tally { all: 10, failed: 3 };
/// Fewest checks that can decide.
const PROBES: u64 = 3;
/// Share of failed checks that is too much.
const PROBE_SHARE: f64 = 0.1;
/// How long after its end a bake waits for the checks that are to decide.
pub const PROBE_GRACE: Duration = Duration::from_secs(30);

/// Decides on what was seen so far.
///
/// More errors with all else equal never make a release pass that failed with fewer.
#[must_use]
pub fn judge(seen: &Observation, rollout: &Rollout) -> Verdict {
    let seen = Observation { users: sane(seen.users), ..*seen };
    Case { seen, rollout }.decide()
}

/// No more errors or slow answers than requests, whatever the moment at which each was read.
fn sane(users: Counts) -> Counts {
    Counts {
        requests: users.requests,
        errors: users.errors.min(users.requests),
        slow: users.slow.min(users.requests),
    }
}

struct Case<'a> {
    seen: Observation,
    rollout: &'a Rollout,
}

/// What the users' errors come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Errors {
    /// Nothing is wrong with them, so far.
    Fine,
    /// Too many, and they are the release's.
    Blamed(Rule),
    /// Too many, and the former release has them as well.
    Common,
}

impl Case<'_> {
    fn decide(&self) -> Verdict {
        if self.seen.restarts > 0 {
            return Verdict::SwitchBack(self.judgement(Rule::Restarts));
        }
        if self.rollout.bake.is_zero() {
            return Verdict::Pass(self.judgement(Rule::NoBake));
        }
        let errors = self.errors();
        if let Errors::Blamed(rule) = errors {
            return Verdict::SwitchBack(self.judgement(rule));
        }
        if self.latency() == Status::Fail {
            return Verdict::SwitchBack(self.judgement(Rule::Latency));
        }
        match (self.is_over(), errors) {
            (false, Errors::Common) => Verdict::GoOn(self.judgement(Rule::CommonOutage)),
            (false, _) => Verdict::GoOn(self.judgement(Rule::Watching)),
            (true, _) if !self.has_data() => self.without_data(),
            (true, Errors::Common) => Verdict::Pass(self.judgement(Rule::CommonOutage)),
            (true, _) => Verdict::Pass(self.judgement(Rule::Thresholds)),
        }
    }

    /// The end of a bake that saw too few requests.
    fn without_data(&self) -> Verdict {
        let probes = self.seen.probes.tally;
        match self.rollout.on_no_data {
            OnNoData::Wait => Verdict::GoOn(self.judgement(Rule::Waiting)),
            OnNoData::Fail => Verdict::SwitchBack(self.judgement(Rule::NoData)),
            OnNoData::Probe if probes.all < PROBES => {
                if self.seen.elapsed < self.rollout.bake.saturating_add(PROBE_GRACE) {
                    Verdict::GoOn(self.judgement(Rule::Probe))
                } else {
                    Verdict::SwitchBack(self.judgement(Rule::NoData))
                }
            }
            OnNoData::Probe if self.probes() == Status::Fail => {
                Verdict::SwitchBack(self.judgement(Rule::Probe))
            }
            OnNoData::Probe => Verdict::Pass(self.judgement(Rule::Probe)),
        }
    }

    fn is_over(&self) -> bool {
        self.seen.elapsed >= self.rollout.bake
    }

    /// Enough requests from users to judge them; none at all are never enough.
    fn has_data(&self) -> bool {
        self.seen.users.requests >= self.rollout.min_requests.max(1)
    }

    fn errors(&self) -> Errors {
        let users = self.users();
        let limit = self.rollout.max_error_rate;
        let too_many = if self.has_data() { self.exceeds(users, limit) } else { is_landslide(users) };
        if !too_many {
            return Errors::Fine;
        }
        let former = self.seen.former;
        let former_fails =
            former.all >= FORMER.all && former.failed >= FORMER.failed && former.rate() > limit;
        if !former_fails {
            Errors::Blamed(if self.has_data() { Rule::Errors } else { Rule::Landslide })
        } else if worse(users.all, users.failed, former.all, former.failed) < WORSE {
            Errors::Blamed(Rule::WorseThanFormer)
        } else {
            Errors::Common
        }
    }

    /// Before the end beyond what chance explains, at the end by the plain share.
    fn exceeds(&self, tally: Tally, limit: f64) -> bool {
        let is_above = tally.rate() > limit;
        is_above && (self.is_over() || binomial_tail(tally.all, tally.failed, limit) < EARLY)
    }

    fn users(&self) -> Tally {
        Tally { all: self.seen.users.requests, failed: self.seen.users.errors }
    }

    fn latency(&self) -> Status {
        if !self.has_data() {
            return Status::NoData;
        }
        let slow = Tally { all: self.seen.users.requests, failed: self.seen.users.slow };
        if self.exceeds(slow, SLOW_SHARE) { Status::Fail } else { Status::Pass }
    }

    fn probes(&self) -> Status {
        let probes = &self.seen.probes;
        if probes.tally.all < PROBES {
            Status::NoData
        } else if probes.last == Some(Status::Fail) || probes.tally.rate() > PROBE_SHARE {
            Status::Fail
        } else {
            Status::Pass
        }
    }

    fn judgement(&self, rule: Rule) -> Judgement {
        let criteria = self.criteria(rule);
        Judgement {
            rule,
            criteria,
            figures: Figures::of(&self.seen),
            sentence: sentences::sentence(rule, &self.seen, self.rollout, self.is_over()),
            warning: (self.errors() == Errors::Common)
                .then(|| sentences::common_outage(&self.seen, self.rollout)),
        }
    }

    fn criteria(&self, rule: Rule) -> Criteria {
        if rule == Rule::NoBake {
            // Nobody looked.
            let none = Status::NoData;
            return Criteria { errors: none, latency: none, restarts: none, probes: none };
        }
        let errors = match self.errors() {
            Errors::Blamed(_) => Status::Fail,
            Errors::Fine if self.has_data() => Status::Pass,
            Errors::Fine | Errors::Common => Status::NoData,
        };
        let restarts = if self.seen.restarts > 0 { Status::Fail } else { Status::Pass };
        Criteria { errors, latency: self.latency(), restarts, probes: self.probes() }
    }
}

/// Few requests, and most of them failed.
fn is_landslide(users: Tally) -> bool {
    users.failed >= LANDSLIDE && users.failed > users.all / 2
}
