//! `start`: the instances of the free slot, at the size that the release says; of a release that rolls the first ones. No user's request
//! reaches them yet.

use async_trait::async_trait;
use bascule_model::evidence::InstanceState;
use bascule_model::plan::{Plan, Way};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::switch::make_known;
use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};
use crate::ports::SlotRef;
use crate::take_away::take_away;

pub(super) struct Start;

#[async_trait]
impl Step for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        if plan.way == Way::Roll {
            return format!("start the first of its instances in {}", plan.slot);
        }
        let counts: Vec<String> = plan
            .services
            .iter()
            .filter_map(|service| Some(format!("{} × {}", service.to?, service.service)))
            .collect();
        format!("start {} in {}", counts.join(", "), plan.slot)
    }

    async fn observe(&self, context: &StepContext<'_>) -> Result<Observed, StepError> {
        let spec = context.spec()?;
        let wanted: u32 = spec.release.services.iter().map(|service| context.first_instances(service)).sum();
        let there = context.ports.target.observe(&context.slot()?).await?;
        let running = there.iter().filter(|i| matches!(i.state, InstanceState::Running { .. })).count();
        if usize::try_from(wanted).is_ok_and(|wanted| wanted == running) {
            return Ok(Observed::Done(json!({ "instances": there })));
        }
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let spec = context.spec()?;
        // Also the fence: from here on a write of an engine that was thought dead is refused.
        context.ports.traffic.open(context.fence, &spec.release).await?;
        let instances = context.ports.target.start(context.fence, &spec).await?;
        let refused = instances.iter().find_map(|instance| match &instance.state {
            InstanceState::CannotStart { reason } => Some((instance.id.clone(), reason.clone())),
            _ => None,
        });
        let evidence = json!({ "instances": instances });
        match refused {
            None => Ok(evidence),
            Some((id, reason)) => Err(StepError::failed(
                Problem::new(
                    Code::InstanceStartFailed,
                    format!("{id} could not be started: {reason}"),
                    "mend what the reason names (`command`, `files` or the image), then deploy again",
                ),
                evidence,
            )),
        }
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let slot = context.slot()?;
        to_the_former(context, &slot).await?;
        let drained = take_away(context, "start", &slot).await?;
        // The door of an environment that never had a live release is closed again.
        if context.ports.traffic.routing(context.key()).await?.live.is_none() && context.plan.live.is_none() {
            context.ports.traffic.close(context.fence, context.key()).await?;
        }
        Ok(json!({ "stopped": slot.release, "drained": drained }))
    }
}

/// Somebody else may have moved users to the new release, as by a file that names its slot. They go back before it is taken away: else
/// they would be left with nobody.
async fn to_the_former(context: &StepContext<'_>, slot: &SlotRef) -> Result<(), StepError> {
    let Some(former) = context.plan.live.as_ref().filter(|former| former.release != slot.release) else {
        return Ok(());
    };
    let live = context.ports.traffic.routing(context.key()).await?.live;
    if live.is_none_or(|(_, release)| release != slot.release) {
        return Ok(());
    }
    make_known(context).await?;
    let to = Some((former.slot, &former.release));
    context.ports.traffic.switch(context.fence, context.key(), Some(&slot.release), to).await?;
    context.note(
        "start",
        format!("somebody had moved users to {}; they are at {} again", slot.release, former.release),
    );
    Ok(())
}
