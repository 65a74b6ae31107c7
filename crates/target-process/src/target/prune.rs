//! Forgets what is left of releases that are not to be kept: logs and folders. What stands in a slot stays.

use std::sync::Arc;

use bascule_engine::ports::PortError;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId};

use crate::error::ProcessError;
use crate::shared::{Shared, blocking};
use crate::state::durable;

/// Removes them.
pub(super) async fn prune(
    shared: &Arc<Shared>,
    fence: Generation,
    key: &EnvironmentKey,
    keep: &[ReleaseId],
) -> Result<(), PortError> {
    let (listing, of) = (Arc::clone(shared), key.clone());
    let releases = blocking("listing releases", move || releases(&listing, &of)).await?;
    for release in releases.into_iter().filter(|release| !keep.contains(release)) {
        let _turn = shared.turn(&(key.clone(), release.clone()), fence).await?;
        let (shared, key) = (Arc::clone(shared), key.clone());
        blocking("removing a release", move || remove(&shared, &key, &release)).await?;
    }
    Ok(())
}

fn releases(shared: &Shared, key: &EnvironmentKey) -> Result<Vec<ReleaseId>, ProcessError> {
    let mut found = Vec::new();
    for folder in [shared.layout.environment(key)?, shared.layout.releases(key)?] {
        let names = durable::names(&folder)?.into_iter().filter(|name| folder.join(name).is_dir());
        found.extend(names.map(ReleaseId::from_text));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn remove(shared: &Shared, key: &EnvironmentKey, release: &ReleaseId) -> Result<(), ProcessError> {
    let folder = shared.layout.slot(key, release)?;
    // Whosever it is: another target's slot is not ours to forget.
    if folder.record().exists() {
        return Ok(());
    }
    durable::remove_folder(folder.path())?;
    Ok(durable::remove_folder(&shared.layout.release(key, release)?)?)
}
