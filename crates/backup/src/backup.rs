//! What a caller holds: a place, a key, and the servers' programs.

use bascule_migrate::tools::Tools;

use crate::error::BackupError;
use crate::key::Key;
use crate::manifest::{Id, Manifest};
use crate::place::Place;
use crate::retention::{Retention, superseded};

/// The backups of one place.
#[derive(Debug)]
pub struct Backups {
    pub(crate) place: Place,
    pub(crate) key: Key,
    pub(crate) tools: Tools,
}

impl Backups {
    /// Those that are kept there under that key. Files that do not stay go into the tools' scratch folder.
    #[must_use]
    pub fn new(place: Place, key: Key, tools: Tools) -> Self {
        Self { place, key, tools }
    }

    /// All backups of that name, the oldest first. One whose manifest cannot be read is an error of its own beside them.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub async fn list(&self, name: &str) -> Result<(Vec<Manifest>, Vec<BackupError>), BackupError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (found, text) in self.place.manifests(name).await? {
            match Manifest::read(&text, &self.key, &found) {
                Ok(manifest) if manifest.id.name() == name => good.push(manifest),
                Ok(_) => {}
                Err(error) => bad.push(error),
            }
        }
        good.sort_by(|one, other| (one.taken_at, &one.id).cmp(&(other.taken_at, &other.id)));
        Ok((good, bad))
    }

    /// One backup's manifest.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub async fn manifest(&self, id: &Id) -> Result<Manifest, BackupError> {
        let text =
            self.place.manifest(id).await?.ok_or_else(|| BackupError::Unknown { id: id.to_string() })?;
        Manifest::read(&text, &self.key, id.as_str())
    }

    /// Removes one: its manifest first, so that what is left if that is cut off is no backup.
    ///
    /// # Errors
    /// When the place refuses.
    pub async fn remove(&self, id: &Id) -> Result<(), BackupError> {
        self.place.remove(id).await
    }

    /// Removes what nothing wants any more (see [`superseded`]), and gives what it was.
    ///
    /// # Errors
    /// When the place cannot be read, or refuses.
    pub async fn prune(&self, name: &str, retention: Retention) -> Result<Vec<Id>, BackupError> {
        let gone = superseded(&self.list(name).await?.0, retention);
        for id in &gone {
            self.place.remove(id).await?;
        }
        Ok(gone)
    }
}
