//! A task of a release: a command in its folder, which is laid out where it is not there yet. It is a command as every other one; what
//! a control plane that died has left of it was ended when this one began.

use std::sync::Arc;

use bascule_engine::ports::{ExecSession, ExecSpec, PortError, SlotSpec, TaskSpec};
use bascule_model::ids::Generation;

use super::exec;
use super::start::lay_out;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;

pub(super) async fn run(
    shared: &Arc<Shared>,
    fence: Generation,
    spec: SlotSpec,
    task: &TaskSpec,
) -> Result<ExecSession, PortError> {
    let place = (spec.release.key.clone(), spec.release.id.clone());
    let _turn = shared.turn(&place, fence).await?;
    let slot = match shared.slot(&place) {
        Some(standing) => standing,
        None => {
            let preparing = Arc::clone(shared);
            let slot = blocking("preparing the task", move || {
                lay_out(&preparing, &spec.release)?;
                let slot = StandingSlot::new(&preparing, spec.slot, spec.release)?;
                slot.know_configuration(spec.configuration);
                Ok(slot)
            });
            Arc::new(slot.await?)
        }
    };
    let spec = ExecSpec {
        slot: slot.reference.clone(),
        service: task.service.clone(),
        command: task.command.clone(),
        terminal: None,
    };
    exec::begin(shared, slot, &spec).await
}
