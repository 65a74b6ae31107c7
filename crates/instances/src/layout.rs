//! Where everything lies in the state folder.
//!
//! ```text
//! vault.key                                            the vault's key, 0600
//! artifacts/sha256/<hex>/index                         what an artifact holds; its SHA-256 is the digest
//! artifacts/contents/<hex>-<mode>                      each file's contents, once
//! releases/<app>/<environment>/<release>/app/          the folder that instances run in
//! instances/lock, instances/docker.lock                held by the control plane that supervises
//! instances/<app>/<environment>/generation             the fence
//! instances/<app>/<environment>/<release>/slot.json    what stands there; gone when nothing does
//! instances/…/<release>/configuration.sealed           its values, sealed
//! instances/…/<release>/<service>-<n>/process          boot, pid and start time of the process
//! instances/…/<release>/<service>-<n>/instance.json    port, restarts, what it waits for
//! instances/…/<release>/<service>-<n>/out.log          its output; out.1.log to out.3.log are older
//! instances/…/<release>/<service>-<n>/container.log    what was kept of a container's output when it was removed
//! ```

use std::path::{Path, PathBuf};

use bascule_model::ids::{EnvironmentKey, ReleaseId, ServiceName};

use crate::error::StateError;

/// The paths below one state folder.
#[derive(Debug, Clone)]
pub struct Layout {
    state: PathBuf,
}

impl Layout {
    /// Below this folder.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { state: state.to_owned() }
    }

    /// All of the instances' records.
    #[must_use]
    pub fn instances(&self) -> PathBuf {
        self.state.join("instances")
    }

    /// Held while processes are supervised.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.instances().join("lock")
    }

    /// Held while containers are supervised.
    #[must_use]
    pub fn docker_lock(&self) -> PathBuf {
        self.instances().join("docker.lock")
    }

    /// An environment's records.
    ///
    /// # Errors
    /// When a name is no plain file name; so for the others.
    pub fn environment(&self, key: &EnvironmentKey) -> Result<PathBuf, StateError> {
        Ok(self.instances().join(component(key.app.as_str())?).join(component(key.environment.as_str())?))
    }

    /// The records of a release's instances.
    ///
    /// # Errors
    /// As [`Self::environment`].
    pub fn slot(&self, key: &EnvironmentKey, release: &ReleaseId) -> Result<SlotFolder, StateError> {
        Ok(SlotFolder(self.environment(key)?.join(component(release.as_str())?)))
    }

    /// The folders that an environment's releases run in.
    ///
    /// # Errors
    /// As [`Self::environment`].
    pub fn releases(&self, key: &EnvironmentKey) -> Result<PathBuf, StateError> {
        Ok(self
            .state
            .join("releases")
            .join(component(key.app.as_str())?)
            .join(component(key.environment.as_str())?))
    }

    /// The folder that a release runs in.
    ///
    /// # Errors
    /// As [`Self::environment`].
    pub fn release(&self, key: &EnvironmentKey, release: &ReleaseId) -> Result<PathBuf, StateError> {
        Ok(self.releases(key)?.join(component(release.as_str())?))
    }
}

/// The folder of one release's instances.
#[derive(Debug, Clone)]
pub struct SlotFolder(PathBuf);

impl SlotFolder {
    /// That this folder is.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its record.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.0.join("slot.json")
    }

    /// Its values, sealed.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.0.join("configuration.sealed")
    }

    /// There while the slot is being stopped: nobody starts its instances again.
    #[must_use]
    pub fn stopping(&self) -> PathBuf {
        self.0.join("stopping")
    }

    /// The folder of one of its instances.
    #[must_use]
    pub fn instance(&self, service: &ServiceName, n: u32) -> InstanceFolder {
        InstanceFolder(self.0.join(format!("{service}-{n}")))
    }
}

/// The folder of one instance.
#[derive(Debug, Clone)]
pub struct InstanceFolder(PathBuf);

impl InstanceFolder {
    /// That this folder is.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Boot, pid and start time of its process.
    #[must_use]
    pub fn process(&self) -> PathBuf {
        self.0.join("process")
    }

    /// Its record.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.0.join("instance.json")
    }

    /// The log (0) and its older parts (1 is the latest of them).
    #[must_use]
    pub fn log(&self, age: u32) -> PathBuf {
        if age == 0 { self.0.join("out.log") } else { self.0.join(format!("out.{age}.log")) }
    }

    /// What was kept of its containers' output.
    #[must_use]
    pub fn kept_log(&self) -> PathBuf {
        self.0.join("container.log")
    }

    /// What is known of its rotated logs.
    #[must_use]
    pub fn log_position(&self) -> PathBuf {
        self.0.join("out.position")
    }
}

/// A text that is one plain file name; names come from files and command lines too.
///
/// # Errors
/// [`StateError::BadName`].
pub fn component(text: &str) -> Result<&str, StateError> {
    let plain = !text.is_empty()
        && text.len() <= 200
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if plain { Ok(text) } else { Err(StateError::BadName { name: text.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_from_outside_cannot_leave_the_state_folder() {
        let layout = Layout::new(Path::new("/state"));
        let key: EnvironmentKey = "shop/staging".parse().unwrap();
        let good = layout.slot(&key, &ReleaseId::from_text("r1-abcdef")).unwrap();
        assert_eq!(good.path(), Path::new("/state/instances/shop/staging/r1-abcdef"));
        for bad in ["", "..", "../../x", "a/b", "a\0b", ".hidden"] {
            assert!(layout.slot(&key, &ReleaseId::from_text(bad)).is_err(), "{bad:?}");
        }
    }
}
