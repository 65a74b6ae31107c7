//! Takes what stands in a slot away, in the only order that loses nothing: drain, forget the route, then stop.

use std::time::Duration;

use bascule_model::manifest::DRAIN;
use bascule_model::run::Evidence;
use serde_json::json;

use crate::context::{StepContext, StepError};
use crate::ports::SlotRef;

/// Drains the slot, forgets its route and stops its instances. Nothing there is no error.
pub(crate) async fn take_away(
    context: &StepContext<'_>,
    step: &str,
    slot: &SlotRef,
) -> Result<Evidence, StepError> {
    let routing = context.ports.traffic.routing(&slot.key).await?;
    let known = routing.slots.get(&slot.slot) == Some(&slot.release);
    let mut drained = json!(null);
    if known {
        let deadline = drain_time(context, slot);
        context.note(step, format!("draining {} ({} s at most)", slot.release, deadline.as_secs()));
        let done = context.ports.traffic.drain(context.fence, &slot.key, slot.slot, deadline).await?;
        drained = json!(done);
        context.ports.traffic.unregister(context.fence, &slot.key, slot.slot).await?;
    }
    context.note(step, format!("stopping {}", slot.release));
    context.ports.target.stop(context.fence, slot).await?;
    Ok(drained)
}

/// The longest drain of the release's services; the usual one where the release is not known any more.
fn drain_time(context: &StepContext<'_>, slot: &SlotRef) -> Duration {
    [context.subject, context.former, context.beside]
        .into_iter()
        .flatten()
        .find(|loaded| loaded.release.id == slot.release)
        .and_then(|loaded| loaded.release.services.iter().map(|service| service.drain).max())
        .unwrap_or_else(|| DRAIN.into())
}
