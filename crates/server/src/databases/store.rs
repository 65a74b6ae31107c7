//! Sets of migrations, kept under their digest: a release is what was planned, whatever becomes of the folder.

use std::path::{Path, PathBuf};

use bascule_instances::durable::{Access, durable, make_folder};
use bascule_migrations::Migration;
use bascule_model::plan::hex;
use bascule_model::problem::{Code, Problem};
use sha2::{Digest as _, Sha256};

/// Where they are kept.
#[derive(Debug, Clone)]
pub struct SetStore {
    folder: PathBuf,
}

impl SetStore {
    /// The store of a state folder.
    #[must_use]
    pub fn of(state: &Path) -> Self {
        Self { folder: state.join("migrations") }
    }

    /// Keeps a set; gives its digest, SHA-256 in hex. One that is there already is left as it is.
    ///
    /// # Errors
    /// `STATE_UNUSABLE`.
    pub fn keep(&self, set: &[Migration]) -> Result<String, Problem> {
        let bytes = serde_json::to_vec(set).map_err(|error| unusable(&self.folder, &error))?;
        let digest = hex(&Sha256::digest(&bytes));
        let path = self.path(&digest);
        if !path.is_file() {
            make_folder(&self.folder).map_err(|error| unusable(&self.folder, &error))?;
            durable(&path, &bytes, Access::Private).map_err(|error| unusable(&path, &error))?;
        }
        Ok(digest)
    }

    /// The set of that digest.
    ///
    /// # Errors
    /// `STATE_UNUSABLE` when it is gone or is not what its digest says.
    pub fn read(&self, digest: &str) -> Result<Vec<Migration>, Problem> {
        let path = self.path(digest);
        let bytes = std::fs::read(&path).map_err(|error| unusable(&path, &error))?;
        if hex(&Sha256::digest(&bytes)) != digest {
            return Err(unusable(&path, &"it is not what its digest says"));
        }
        serde_json::from_slice(&bytes).map_err(|error| unusable(&path, &error))
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.json"))
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!("the migrations of a release in {}: {error}", path.display()),
        "deploy the version again from its sources",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_was_changed_on_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = SetStore::of(folder.path());
        let digest = store.keep(&[]).unwrap();
        assert_eq!(store.read(&digest).unwrap(), Vec::new());
        std::fs::write(store.path(&digest), b"[ ]").unwrap();
        assert_eq!(store.read(&digest).unwrap_err().code, Code::StateUnusable);
    }
}
