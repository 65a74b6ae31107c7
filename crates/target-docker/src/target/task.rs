//! A task of a release: a command in a container of the release's image, whether anything of the release stands or not.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{ExecSession, PortError, SlotSpec, TaskSpec};
use bascule_model::ids::{EnvironmentKey, Generation, TaskName};
use bascule_model::release::Release;
use tokio::time::Instant;

use super::stop::{forget_network, listed, remove};
use crate::error::DockerError;
use crate::exec;
use crate::names;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;

/// So long an engine that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is being removed.
const LOOK: Duration = Duration::from_millis(50);

pub(super) async fn run(
    shared: &Arc<Shared>,
    fence: Generation,
    spec: SlotSpec,
    task: &TaskSpec,
) -> Result<ExecSession, PortError> {
    let place = (spec.release.key.clone(), spec.release.id.clone());
    let _turn = shared.turn(&place, fence).await?;
    end_former(shared, &spec.release.key, Some(&task.name)).await?;
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
    let spec = task.of(slot.reference.clone());
    exec::begin(shared, &slot, &spec, Some(&task.name)).await
}

/// Ends what is left of the tasks of a release, and takes away their network where nothing else stands in it.
pub(super) async fn forget(
    shared: &Arc<Shared>,
    fence: Generation,
    release: &Release,
) -> Result<(), PortError> {
    let key = &release.key;
    // One that is being made is made by then.
    let _turn = shared.turn(&(key.clone(), release.id.clone()), fence).await?;
    end_former(shared, key, None).await?;
    forget_network(shared, key).await;
    Ok(())
}

/// Ends what was left of a task, or of all of an environment: two at once may do what one alone would not.
async fn end_former(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    only: Option<&TaskName>,
) -> Result<(), DockerError> {
    let mut labels = names::of_environment(key, &shared.state_id);
    let (label, value) = match only {
        Some(task) => (names::TASK, task.to_string()),
        None => (names::IS_TASK, "true".to_owned()),
    };
    labels.insert(label.to_owned(), value);
    // What is being removed already runs until it is gone.
    let until = Instant::now() + PATIENCE;
    loop {
        let left = listed(shared, &labels, PATIENCE).await?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(DockerError::Lost { what: "the end of a former task" });
        }
        for (id, _) in left {
            remove(shared, &id).await?;
        }
        tokio::time::sleep(LOOK).await;
    }
}
