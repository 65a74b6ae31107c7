//! Forgets what is left of releases that are not to be kept: containers, logs, records, and the network when nothing stands.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{PortError, Unneeded};
use bascule_instances::durable;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId};

use super::stop::listed;
use crate::error::DockerError;
use crate::names;
use crate::network;
use crate::shared::{Shared, blocking};
use crate::supervise::attempt;

/// So long an engine that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Removes them. An environment that never had a container is none of ours, and the engine is not asked about it.
pub(super) async fn prune(
    shared: &Arc<Shared>,
    fence: Generation,
    key: &EnvironmentKey,
    keep: &[ReleaseId],
) -> Result<(), PortError> {
    let (listing, of) = (Arc::clone(shared), key.clone());
    let releases = blocking("the listing of releases", move || releases(&listing, &of)).await?;
    for release in releases.into_iter().filter(|release| !keep.contains(release)) {
        let _turn = shared.turn(&(key.clone(), release.clone()), fence).await?;
        let (shared, key) = (Arc::clone(shared), key.clone());
        blocking("the removing of a release", move || remove(&shared, &key, &release)).await?;
    }
    if !network::is_noted(shared, key)? {
        return Ok(());
    }
    remove_containers(shared, key, keep).await?;
    let stands = super::adopt::recorded(shared)?.iter().any(|(slot, _)| slot.key == *key);
    if !stands {
        network::forget(shared, key, PATIENCE).await?;
    }
    Ok(())
}

/// What [`prune`] would remove of the engine. Folders and logs are beside those of processes, and told by their target.
pub(super) async fn unneeded(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    keep: &[ReleaseId],
) -> Result<Vec<Unneeded>, PortError> {
    if !network::is_noted(shared, key)? {
        return Ok(Vec::new());
    }
    let gone = unkept_containers(shared, key, keep).await?.into_iter().map(|(id, release)| Unneeded {
        what: format!("container {} of {key} {release}", id.get(..12).unwrap_or(&id)),
        bytes: 0,
    });
    let mut found: Vec<Unneeded> = gone.collect();
    if super::adopt::recorded(shared)?.iter().all(|(slot, _)| slot.key != *key) {
        found.push(Unneeded { what: format!("network {}", names::network(key, &shared.state_id)), bytes: 0 });
    }
    Ok(found)
}

/// The releases of the environment with a folder that is ours.
fn releases(shared: &Shared, key: &EnvironmentKey) -> Result<Vec<ReleaseId>, DockerError> {
    let folder = shared.layout.environment(key)?;
    let names = durable::names(&folder)?.into_iter().filter(|name| folder.join(name).is_dir());
    Ok(names.map(ReleaseId::from_text).collect())
}

fn remove(shared: &Shared, key: &EnvironmentKey, release: &ReleaseId) -> Result<(), DockerError> {
    let folder = shared.layout.slot(key, release)?;
    // What stands in a slot stays, whosever it is.
    if folder.record().exists() {
        return Ok(());
    }
    Ok(durable::remove_folder(folder.path())?)
}

async fn remove_containers(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    keep: &[ReleaseId],
) -> Result<(), DockerError> {
    for (id, _) in unkept_containers(shared, key, keep).await? {
        attempt::remove(&shared.connection, &id).await?;
    }
    Ok(())
}

/// Containers of releases that neither are kept nor stand: id and release.
async fn unkept_containers(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    keep: &[ReleaseId],
) -> Result<Vec<(String, ReleaseId)>, DockerError> {
    let standing: Vec<ReleaseId> =
        super::adopt::recorded(shared)?.into_iter().map(|(slot, _)| slot.release).collect();
    let found = listed(shared, &names::of_environment(key, &shared.state_id), PATIENCE).await?;
    let found = found.into_iter().map(|(id, release)| (id, ReleaseId::from_text(release)));
    Ok(found.filter(|(_, release)| !keep.contains(release) && !standing.contains(release)).collect())
}
