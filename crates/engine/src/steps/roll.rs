//! `roll`: in place of `switch` where a release comes instance by instance. Users meet the new release while instances of the former one
//! go; where it is, is kept with the traffic, so that whoever goes on goes on from there.
//!
//! Its undo has the former release's instances come again in the same way. It asks nothing of the new release: what of it is not ready
//! goes first, and who has not come within the deadline is told.

use std::time::Duration;

use async_trait::async_trait;
use bascule_model::evidence::InstanceState;
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::ready::{gave_up, too_late};
use super::{Leave, Observed, Step};
use crate::context::{Loaded, StepContext, StepError};
use crate::ports::{Bound, Rolled};

/// Between two turns.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Roll;

#[async_trait]
impl Step for Roll {
    fn name(&self) -> &'static str {
        "roll"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        match &plan.live {
            Some(live) => {
                format!("move the traffic from {} to {}, instance by instance", live.slot, plan.slot)
            }
            None => format!("give the traffic to {}", plan.slot),
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        // The next turn finds out where it is.
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let former = former(context)?;
        let ports = context.ports;
        let began = ports.clock.elapsed();
        let mut pace = Pace::begin(began, subject.release.rollout.deadline);
        loop {
            let to = (context.plan.slot, &subject.release);
            let rolled = ports.traffic.roll(context.fence, &former.release, to, Bound::Forth).await?;
            if pace.goes_on(&rolled, ports.clock.elapsed()) {
                context.note("roll", rolled.says());
            }
            if rolled.is_over {
                let proof = ports.traffic.proven(&subject.release).await?;
                let took = ports.clock.elapsed().saturating_sub(began);
                return Ok(json!({
                    "from": former.release.id,
                    "to": subject.release.id,
                    "slot": context.plan.slot,
                    "took_ms": millis(took),
                    "services": rolled.services,
                    "proof": proof,
                }));
            }
            broken(context).await?;
            if context.is_to_be_left() {
                return Err(StepError::Left);
            }
            if pace.is_too_slow(ports.clock.elapsed()) {
                let instances = ports.target.observe(&context.slot()?).await?;
                return Err(too_late(context, &instances, subject.release.rollout.deadline).await);
            }
            ports.clock.sleep(PAUSE).await;
        }
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let former = former(context)?;
        let Some(live) = &context.plan.live else { return Ok(Evidence::Null) };
        let ports = context.ports;
        let began = ports.clock.elapsed();
        let mut pace = Pace::begin(began, former.release.rollout.deadline);
        loop {
            let to = (live.slot, &former.release);
            let rolled = ports.traffic.roll(context.fence, &subject.release, to, Bound::Back).await?;
            if pace.goes_on(&rolled, ports.clock.elapsed()) {
                context.note("roll", rolled.says());
            }
            if rolled.is_over {
                let took = millis(ports.clock.elapsed().saturating_sub(began));
                return Ok(json!({ "live": live.release, "took_ms": took, "services": rolled.services }));
            }
            if pace.is_too_slow(ports.clock.elapsed()) {
                return Err(stays_away(context, former, &rolled).await.into());
            }
            ports.clock.sleep(PAUSE).await;
        }
    }
}

fn former<'a>(context: &'a StepContext<'_>) -> Result<&'a Loaded, StepError> {
    context.former.ok_or_else(|| {
        StepError::from(Problem::new(
            Code::Internal,
            "a release was to come as another one goes, and there is no other one",
            "report this: it is a defect of Bascule",
        ))
    })
}

/// Who ends again and again, or cannot be started, ends the roll at once.
async fn broken(context: &StepContext<'_>) -> Result<(), StepError> {
    let instances = context.ports.target.observe(&context.slot()?).await?;
    let is_broken = |state: &InstanceState| {
        matches!(state, InstanceState::CrashLoop { .. } | InstanceState::CannotStart { .. })
    };
    match instances.iter().find(|one| is_broken(&one.state)) {
        Some(instance) => Err(gave_up(context, instance).await),
        None => Ok(()),
    }
}

/// Why the way back is not at its end.
async fn stays_away(context: &StepContext<'_>, former: &Loaded, rolled: &Rolled) -> Problem {
    let seconds = former.release.rollout.deadline.as_secs();
    let mut why = String::new();
    if let Some(live) = &context.plan.live {
        let slot = context.standing(live);
        let instances = context.ports.target.observe(&slot).await.unwrap_or_default();
        let is_away = |state: &InstanceState| !matches!(state, InstanceState::Running { .. });
        if let Some(instance) = instances.iter().find(|one| is_away(&one.state)) {
            let seen = context.ports.target.explain(&slot, &instance.id).await;
            why = format!("; {}: {}", instance.id, seen.unwrap_or_else(|| format!("{:?}", instance.state)));
        }
    }
    Problem::new(
        Code::InstanceNotReady,
        format!(
            "{} has not come back: nothing went forward for {seconds} s ({}{why})",
            former.release.id,
            rolled.says()
        ),
        format!(
            "make room for its instances, then `bascule resolve {} --retry-undo`; until then users reach what is ready of both",
            context.run
        ),
    )
}

/// Whether a roll goes forward: as long as more have come than ever, or fewer are left than ever. Who comes and goes again and again does
/// not count as going forward.
struct Pace {
    most: u32,
    least: u32,
    last: Duration,
    deadline: Duration,
}

impl Pace {
    fn begin(now: Duration, deadline: Duration) -> Self {
        Self { most: 0, least: u32::MAX, last: now, deadline }
    }

    /// Takes a look. Answers whether it was a step forward.
    fn goes_on(&mut self, rolled: &Rolled, now: Duration) -> bool {
        let (come, left) = rolled.sums();
        let is_forward = come > self.most || left < self.least;
        if is_forward {
            (self.most, self.least) = (self.most.max(come), self.least.min(left));
            self.last = now;
        }
        is_forward
    }

    fn is_too_slow(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) > self.deadline
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::RolledService;

    fn seen(come: u32, left: u32) -> Rolled {
        let service = RolledService { service: "web".parse().unwrap(), come, of: 3, left };
        Rolled { is_over: false, services: vec![service] }
    }

    #[test]
    fn who_comes_and_goes_again_is_no_step_forward() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::begin(Duration::ZERO, second * 10);
        assert!(pace.goes_on(&seen(0, 3), second));
        assert!(pace.goes_on(&seen(1, 3), second * 2));
        for at in 3..12 {
            assert!(!pace.goes_on(&seen(at % 2, 3), second * at), "at {at}");
            assert!(!pace.is_too_slow(second * at));
        }
        assert!(pace.is_too_slow(second * 13));
        assert!(pace.goes_on(&seen(1, 2), second * 13), "one went");
        assert!(!pace.is_too_slow(second * 20));
    }
}
