//! Forgets what is left of releases that are not to be kept: logs and folders. What stands in a slot stays.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use bascule_engine::ports::{PortError, Unneeded};
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

/// What [`prune`] would remove: a folder each, with what its files alone take.
pub(super) async fn unneeded(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    keep: &[ReleaseId],
) -> Result<Vec<Unneeded>, PortError> {
    let (shared, key, keep) = (Arc::clone(shared), key.clone(), keep.to_vec());
    let listed = blocking("listing what is not needed", move || {
        let mut found = Vec::new();
        for release in releases(&shared, &key)?.into_iter().filter(|release| !keep.contains(release)) {
            let slot = shared.layout.slot(&key, &release)?;
            if slot.record().exists() {
                continue;
            }
            let bytes = taken(slot.path()) + taken(&shared.layout.release(&key, &release)?);
            found.push(Unneeded { what: format!("logs and folders of {key} {release}"), bytes });
        }
        Ok(found)
    });
    Ok(listed.await?)
}

/// Bytes that the files below a folder take on the disk, but for those that are elsewhere too (hard links into the store).
pub(crate) fn taken(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => waiting.push(entry.path()),
                Ok(metadata) if metadata.nlink() == 1 => bytes += metadata.blocks() * 512,
                // Shared, or gone in this moment.
                Ok(_) | Err(_) => {}
            }
        }
    }
    bytes
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
