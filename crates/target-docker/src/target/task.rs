//! A task of a release: a command in a container of the release's image, whether anything of the release stands or not.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{ExecSession, ExecSpec, PortError, SlotSpec, TaskSpec};
use bascule_model::ids::{EnvironmentKey, Generation, TaskName};

use super::stop::{listed, remove};
use crate::error::DockerError;
use crate::exec;
use crate::names;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;

/// So long an engine that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(
    shared: &Arc<Shared>,
    fence: Generation,
    spec: SlotSpec,
    task: &TaskSpec,
) -> Result<ExecSession, PortError> {
    let place = (spec.release.key.clone(), spec.release.id.clone());
    let _turn = shared.turn(&place, fence).await?;
    end_former(shared, &spec.release.key, &task.name).await?;
    let slot = match shared.slot(&place) {
        Some(standing) => standing,
        None => {
            let reading = Arc::clone(shared);
            let slot = blocking("the preparing of a task", move || {
                let slot = StandingSlot::new(&reading, spec.slot, spec.release, fence)?;
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
    exec::begin(shared, &slot, &spec, Some(&task.name)).await
}

/// Ends what a control plane that died has left of it: two at once may do what one alone would not.
async fn end_former(shared: &Arc<Shared>, key: &EnvironmentKey, task: &TaskName) -> Result<(), DockerError> {
    let mut labels = names::of_environment(key, &shared.state_id);
    labels.insert(names::TASK.to_owned(), task.to_string());
    for (id, _) in listed(shared, &labels, PATIENCE).await? {
        remove(shared, &id).await?;
    }
    Ok(())
}
