//! A task of a release: a command in its folder, which is laid out where it is not there yet. Its processes carry its name,
//! by which what an earlier attempt has left is found.

use std::sync::Arc;

use bascule_engine::ports::{ExecSession, PortError, SlotSpec, TaskSpec};
use bascule_model::ids::{EnvironmentKey, Generation, TaskName};
use bascule_model::release::Release;

use super::exec;
use super::start::lay_out;
use crate::error::ProcessError;
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
    let mark = end_former(shared, &spec.release.key, &task.name).await?;
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
    let spec = task.of(slot.reference.clone());
    exec::begin(shared, slot, &spec, Some(mark)).await
}

/// Ends what is left of the tasks of a release.
pub(super) async fn forget(shared: &Arc<Shared>, release: &Release) -> Result<(), PortError> {
    for task in &release.tasks {
        end_former(shared, &release.key, &task.name).await?;
    }
    Ok(())
}

/// Ends what an earlier attempt has left, and answers what processes of the task carry.
async fn end_former(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    task: &TaskName,
) -> Result<String, ProcessError> {
    let mark = exec::task_mark(shared, key, task);
    let marked = mark.clone();
    blocking("ending what is left of a task", move || {
        exec::end_marked(marked);
        Ok(())
    })
    .await?;
    Ok(mark)
}
