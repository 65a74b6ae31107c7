//! `switch`: the single conditional write that moves the traffic. Its undo is the same write, the other way round, and asks
//! nothing of the new release.

use async_trait::async_trait;
use bascule_model::plan::{Plan, RunKind};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};

pub(super) struct Switch;

#[async_trait]
impl Step for Switch {
    fn name(&self) -> &'static str {
        "switch"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        match &plan.live {
            Some(live) => format!("move the traffic from {} to {}", live.slot, plan.slot),
            None => format!("give the traffic to {}", plan.slot),
        }
    }

    async fn observe(&self, context: &StepContext<'_>) -> Result<Observed, StepError> {
        let subject = context.subject()?;
        let routing = context.ports.traffic.routing(context.key()).await?;
        let moved = routing.live.is_some_and(|(_, release)| release == subject.release.id);
        Ok(if moved {
            Observed::Done(json!({ "to": subject.release.id, "slot": context.plan.slot, "recovered": true }))
        } else {
            Observed::Open
        })
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let expect = context.plan.live.as_ref().map(|live| &live.release);
        let to = Some((context.plan.slot, &subject.release.id));
        let traffic = &context.ports.traffic;
        if let Some(live) = expect.filter(|_| context.plan.kind == RunKind::Deploy) {
            traffic.fit(context.fence, &subject.release, live).await?;
        }
        traffic.can_take(&subject.release).await?;
        let switched = traffic.switch(context.fence, context.key(), expect, to).await?;
        let proof = traffic.proven(&subject.release).await?;
        let mut evidence = json!({
            "from": expect,
            "to": subject.release.id,
            "slot": context.plan.slot,
            "micros": switched.micros,
        });
        if !proof.is_null() {
            evidence["proof"] = proof;
        }
        Ok(evidence)
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let live = context.ports.traffic.routing(context.key()).await?.live.map(|(_, release)| release);
        let former = context.plan.live.as_ref();
        if live.as_ref() != Some(&subject.release.id) {
            if live.as_ref() == former.map(|former| &former.release) {
                // A switch to where the traffic is, so that nothing of one that broke off half-way stays.
                if let Some(former) = former {
                    let to = Some((former.slot, &former.release));
                    context.ports.traffic.switch(context.fence, context.key(), live.as_ref(), to).await?;
                }
                return Ok(json!({ "live": live, "nothing": "the traffic was not moved" }));
            }
            return Err(Problem::new(
                Code::EdgeRefused,
                format!(
                    "the traffic is with {}, which this run neither found nor put there",
                    live.map_or_else(|| "nobody".to_owned(), |release| release.to_string())
                ),
                "look at `bascule status`; the traffic is left where it is",
            )
            .into());
        }
        let to = match former {
            None => None,
            Some(former) => {
                make_known(context).await?;
                Some((former.slot, &former.release))
            }
        };
        let switched =
            context.ports.traffic.switch(context.fence, context.key(), Some(&subject.release.id), to).await?;
        Ok(json!({ "live": former.map(|former| &former.release), "micros": switched.micros }))
    }
}

/// An edge that lost its table has to be told again where the former release is; normally it knows.
pub(super) async fn make_known(context: &StepContext<'_>) -> Result<(), StepError> {
    let (Some(live), Some(former)) = (&context.plan.live, context.former) else { return Ok(()) };
    let routing = context.ports.traffic.routing(context.key()).await?;
    if routing.slots.get(&live.slot) == Some(&live.release) {
        return Ok(());
    }
    let instances = context.ports.target.observe(&context.standing(live)).await?;
    context.ports.traffic.register(context.fence, &former.release, live.slot, &instances).await?;
    Ok(())
}
