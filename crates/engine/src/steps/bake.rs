//! `bake`: watches the new release under users' traffic, against thresholds and against the former release in the same window, and
//! gives up on it as soon as the judge says so. What decided, and on which figures, is in the evidence.

use std::time::Duration;

use async_trait::async_trait;
use bascule_model::evidence::{CheckResult, InstanceState, InstanceStatus, Status, Traffic};
use bascule_model::plan::Plan;
use bascule_model::problem::Problem;
use bascule_model::release::{Action, Check, Rollout, TargetKind};
use bascule_model::run::{Evidence, Touches};
use jiff::Timestamp;
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::bake::{Accumulator, Asker, Counts, Judgement, Observation, Probes, Rule, Tally, Verdict, judge};
use crate::check_place::at_instance;
use crate::context::{Loaded, StepContext, StepError};
use crate::own_requests;
use crate::ports::{PortError, Probing, SlotRef};

/// How often the counters are read.
const TICK: Duration = Duration::from_millis(100);
/// The shortest and longest pause between two rounds of checks.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);
/// Rounds of checks of the former release before the new one is blamed for errors.
const SECOND_LOOK: u32 = 10;

pub(super) struct Bake;

#[async_trait]
impl Step for Bake {
    fn name(&self) -> &'static str {
        "bake"
    }

    fn touches(&self) -> Touches {
        Touches::Nothing
    }

    fn leave(&self) -> Leave {
        Leave::AtOnce
    }

    fn plan(&self, _: &Plan) -> String {
        "watch errors, latency and restarts; switch back by itself".to_owned()
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        // A bake that nobody watched to its end begins anew.
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        Watch::begin(context)?.watch().await
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}

/// A bake under way.
struct Watch<'a> {
    context: &'a StepContext<'a>,
    subject: &'a Loaded,
    slot: SlotRef,
    rollout: &'a Rollout,
    began: Duration,
    users: Accumulator,
    /// What somebody else counted, where one is asked: in place of the accumulator's.
    elsewhere: Option<Counts>,
    /// Requests of our own, for as long as this is watched. They end with it, however it ends.
    own: Option<Box<dyn Probing>>,
    asker: Asker,
    /// Why that one has no data.
    no_data: Option<String>,
    probes: Probes,
    former: Tally,
    last_checks: Vec<CheckResult>,
    round: usize,
}

impl<'a> Watch<'a> {
    fn begin(context: &'a StepContext<'a>) -> Result<Self, StepError> {
        let subject = context.subject()?;
        Ok(Self {
            context,
            subject,
            slot: context.slot()?,
            rollout: &subject.release.rollout,
            began: context.ports.clock.elapsed(),
            // The slot was empty before the switch: everything that it ever answered counts.
            users: Accumulator::after(Counts::default()),
            elsewhere: None,
            own: None,
            asker: own_requests::wanted(subject).map_or(Asker::Users, |_| Asker::Probe),
            no_data: None,
            probes: Probes::default(),
            former: Tally::default(),
            last_checks: Vec::new(),
            round: 0,
        })
    }

    async fn watch(mut self) -> Result<Evidence, StepError> {
        let clock = &self.context.ports.clock;
        let pause = (self.rollout.bake / 20).clamp(SHORTEST, LONGEST);
        let mut next_round = self.began;
        let mut said = String::new();
        loop {
            if self.rollout.bake > Duration::ZERO && clock.elapsed() >= next_round {
                next_round = clock.elapsed() + pause;
                self.look_elsewhere().await?;
                self.ask_both().await;
            }
            let mut verdict = judge(&self.observe().await?, self.rollout);
            if let Verdict::SwitchBack(judgement) = &verdict
                && matches!(judgement.rule, Rule::Errors | Rule::Landslide | Rule::WorseThanFormer)
                && self.former_stands_by()
            {
                verdict = self.look_twice().await?;
            }
            match verdict.because(self.no_data.as_deref()) {
                Verdict::GoOn(judgement) => {
                    if judgement.sentence != said {
                        self.context.note("bake", judgement.sentence.clone());
                        said = judgement.sentence;
                    }
                }
                Verdict::Pass(judgement) => return Ok(self.evidence(&judgement)),
                Verdict::SwitchBack(judgement) => return Err(self.failed(&judgement)),
            }
            clock.sleep(TICK).await;
        }
    }

    /// Asks whoever else counts users' requests. What was seen before does not stand in for what cannot be seen now.
    async fn look_elsewhere(&mut self) -> Result<(), StepError> {
        let ports = self.context.ports;
        let since = ports.clock.elapsed().saturating_sub(self.began);
        let counted = match ports.traffic.observed(&self.subject.release, since).await {
            Ok(None) => self.count_own().await,
            other => other,
        };
        (self.elsewhere, self.no_data) = match counted {
            Ok(count) => (count.as_ref().map(Counts::from), None),
            Err(gone @ (PortError::Fenced | PortError::Elsewhere(_))) => return Err(gone.into()),
            Err(PortError::Problem(problem)) => (None, Some(problem.message)),
        };
        Ok(())
    }

    /// What became of requests of our own, which are begun where they are wanted.
    async fn count_own(&mut self) -> Result<Option<Traffic>, PortError> {
        if self.own.is_none()
            && let Some(wanted) = own_requests::wanted(self.subject)
        {
            self.own = self.context.ports.traffic.probing(&self.subject.release, &wanted).await?;
        }
        Ok(self.own.as_ref().map(|own| own.count()).transpose()?)
    }

    async fn observe(&mut self) -> Result<Observation, StepError> {
        let ports = self.context.ports;
        let release = &self.subject.release.id;
        // An edge that is being started again has nothing to say for a moment: the counters stand still.
        let users = match ports.traffic.count(self.context.key(), release, self.rollout.max_p95).await {
            Ok(count) => self.users.add(Counts::from(&count)),
            Err(gone @ (PortError::Fenced | PortError::Elsewhere(_))) => return Err(gone.into()),
            Err(PortError::Problem(_)) => self.users.total(),
        };
        let users = self.elsewhere.unwrap_or(users);
        let instances = ports.target.observe(&self.slot).await?;
        Ok(Observation {
            elapsed: ports.clock.elapsed().saturating_sub(self.began),
            users,
            asker: self.asker,
            probes: self.probes,
            former: self.former,
            restarts: restarts(&instances, self.context.environment.live_since),
        })
    }

    /// One round of checks of the new release, and of the former one beside it.
    async fn ask_both(&mut self) {
        let new = self.ask(self.subject, &self.slot, |_| true).await;
        for result in &new {
            self.probes.add(result.status);
        }
        self.last_checks = new;
        self.ask_former().await;
        self.round += 1;
    }

    async fn ask_former(&mut self) {
        let (Some(former), Some(live)) = (self.context.former, &self.context.plan.live) else { return };
        for result in self.ask(former, &self.context.standing(live), reads).await {
            if result.status != Status::NoData {
                self.former =
                    self.former.and(Tally { all: 1, failed: u64::from(result.status == Status::Fail) });
            }
        }
    }

    fn former_stands_by(&self) -> bool {
        self.context.former.is_some()
    }

    /// Before errors are blamed on the new release the former one is asked a few times, now: what hits both is not its fault.
    async fn look_twice(&mut self) -> Result<Verdict, StepError> {
        self.former = Tally::default();
        for _ in 0..SECOND_LOOK {
            self.ask_former().await;
            self.round += 1;
        }
        Ok(judge(&self.observe().await?, self.rollout))
    }

    /// Runs a release's checks once against one of its instances each; without checks, its health probe.
    async fn ask(&self, loaded: &Loaded, slot: &SlotRef, wanted: fn(&Check) -> bool) -> Vec<CheckResult> {
        let ports = self.context.ports;
        let Ok(instances) = ports.target.observe(slot).await else { return Vec::new() };
        let mut results = Vec::new();
        for (index, check) in loaded.configuration.verify.iter().filter(|check| wanted(check)).enumerate() {
            if let Some(place) = at_instance(loaded, check, &instances, self.round + index) {
                // Once, without its retries: every round is an observation.
                let once = Check { retries: 0, over: Duration::ZERO, ..check.clone() };
                results.push(ports.checker.check(&once, &self.context.placed(place)).await);
            }
        }
        if results.is_empty()
            && let Some(result) = self.health(loaded, &instances).await
        {
            results.push(result);
        }
        results.extend(instances.iter().filter_map(own_check));
        results
    }

    async fn health(&self, loaded: &Loaded, instances: &[InstanceStatus]) -> Option<CheckResult> {
        let running: Vec<&InstanceStatus> = instances
            .iter()
            .filter(|one| one.address.is_some() && matches!(one.state, InstanceState::Running { .. }))
            .collect();
        let instance = running.get(self.round.checked_rem(running.len())?)?;
        let health = &loaded.release.service(&instance.service)?.health;
        // A cluster asks in our place.
        if let Some(own) =
            instance.own_check.as_ref().filter(|_| loaded.release.target == TargetKind::Kubernetes)
        {
            return Some(CheckResult {
                name: format!("health of {}", instance.id),
                status: own.status,
                attempts: 1,
                detail: own.output.clone(),
                took_ms: 0,
            });
        }
        let probe = self.context.ports.checker.probe(instance.address?, health).await;
        Some(CheckResult {
            name: format!("health of {}", instance.id),
            status: probe.status,
            attempts: 1,
            detail: probe.detail,
            took_ms: probe.took_ms,
        })
    }

    fn evidence(&self, judgement: &Judgement) -> Evidence {
        json!({
            "rule": judgement.rule,
            "criteria": judgement.criteria,
            "figures": judgement.figures,
            "requests_of": self.asker,
            "sentence": judgement.sentence,
            "warning": judgement.warning,
            "no_data": self.no_data,
            "last_checks": self.last_checks,
        })
    }

    fn failed(&self, judgement: &Judgement) -> StepError {
        let key = self.context.key();
        let release = &self.subject.release.id;
        let remedy = format!(
            "`bascule run show {}` has the figures, `bascule logs {} --release {release}` what it wrote",
            self.context.run, key.environment
        );
        StepError::failed(
            Problem::new(judgement.rule.code(), judgement.sentence.clone(), remedy),
            self.evidence(judgement),
        )
    }
}

/// What an instance without traffic says of itself; those with traffic are asked.
fn own_check(instance: &InstanceStatus) -> Option<CheckResult> {
    let own = instance.own_check.as_ref().filter(|_| instance.address.is_none())?;
    Some(CheckResult {
        name: format!("own check of {}", instance.id),
        status: own.status,
        attempts: 1,
        detail: own.output.clone(),
        took_ms: 0,
    })
}

/// Instances that are down, or were started again since the switch. How often they tried before they were well is not asked here.
fn restarts(instances: &[InstanceStatus], switched: Option<Timestamp>) -> u32 {
    let is_later = |started: Option<Timestamp>| match (started, switched) {
        (Some(started), Some(switched)) => started > switched,
        _ => true,
    };
    let failed = instances.iter().filter(|one| {
        match one.state {
            InstanceState::Running { .. } => one.restarts > 0 && is_later(one.started_at),
            // Its engine took it down: that says nothing of the release.
            InstanceState::Waiting { .. } => false,
            _ => true,
        }
    });
    u32::try_from(failed.count()).unwrap_or(u32::MAX)
}

/// Whether a check only reads: the former release is not made to write again by a bake of its successor.
fn reads(check: &Check) -> bool {
    match &check.action {
        Action::Request { method, .. } => method == "GET",
        Action::Command { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use bascule_model::evidence::Exit;

    use super::*;

    fn instance(restarts: u32, started: &str, state: InstanceState) -> InstanceStatus {
        InstanceStatus {
            id: bascule_model::ids::InstanceId::from_text("shop-staging-r1-abcdef-web-1"),
            service: "web".parse().unwrap(),
            n: 1,
            address: None,
            state,
            started_at: Some(started.parse().unwrap()),
            restarts,
            last_exit: None,
            own_check: None,
        }
    }

    #[test]
    fn tries_before_the_switch_are_not_held_against_a_release() {
        let switched: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let (before, after) = ("2026-11-23T11:59:58Z", "2026-11-23T12:00:01Z");
        let running = || InstanceState::Running { pid: 7 };
        let seen = [
            (instance(0, before, running()), 0),
            (instance(1, before, running()), 0),
            (instance(1, after, running()), 1),
            (instance(0, before, InstanceState::CrashLoop { exit: Exit::Code { code: 1 } }), 1),
            (instance(0, before, InstanceState::Waiting { reason: "its engine is away".to_owned() }), 0),
        ];
        for (status, expected) in &seen {
            assert_eq!(restarts(std::slice::from_ref(status), Some(switched)), *expected, "{status:?}");
        }
        let all: Vec<InstanceStatus> = seen.into_iter().map(|(status, _)| status).collect();
        assert_eq!(restarts(&all, Some(switched)), 2);
        assert_eq!(restarts(&all, None), 3, "without the time of the switch each restart counts");
    }
}
