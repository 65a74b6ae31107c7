//! Where everything lies in the state folder.
//!
//! ```text
//! vault.key                                            the vault's key, 0600
//! artifacts/sha256/<hex>/index                         what an artifact holds; its SHA-256 is the digest
//! artifacts/contents/<hex>-<mode>                      each file's contents, once
//! releases/<app>/<environment>/<release>/app/          the folder that instances run in
//! instances/lock                                       held by the control plane that supervises
//! instances/<app>/<environment>/generation             the fence
//! instances/<app>/<environment>/<release>/slot.json    what stands there; gone when nothing does
//! instances/…/<release>/configuration.sealed           its values, sealed
//! instances/…/<release>/<service>-<n>/process          boot, pid and start time of the process
//! instances/…/<release>/<service>-<n>/instance.json    port, restarts, what it waits for
//! instances/…/<release>/<service>-<n>/out.log          its output; out.1.log to out.3.log are older
//! ```

use std::path::{Path, PathBuf};

use bascule_model::ids::{EnvironmentKey, ReleaseId, ServiceName};

use crate::error::ProcessError;

/// The paths below one state folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    state: PathBuf,
}

impl Layout {
    pub(crate) fn new(state: &Path) -> Self {
        Self { state: state.to_owned() }
    }

    pub(crate) fn instances(&self) -> PathBuf {
        self.state.join("instances")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.instances().join("lock")
    }

    pub(crate) fn environment(&self, key: &EnvironmentKey) -> Result<PathBuf, ProcessError> {
        Ok(self.instances().join(component(key.app.as_str())?).join(component(key.environment.as_str())?))
    }

    pub(crate) fn slot(&self, key: &EnvironmentKey, release: &ReleaseId) -> Result<SlotFolder, ProcessError> {
        Ok(SlotFolder(self.environment(key)?.join(component(release.as_str())?)))
    }

    pub(crate) fn releases(&self, key: &EnvironmentKey) -> Result<PathBuf, ProcessError> {
        Ok(self
            .state
            .join("releases")
            .join(component(key.app.as_str())?)
            .join(component(key.environment.as_str())?))
    }

    pub(crate) fn release(&self, key: &EnvironmentKey, release: &ReleaseId) -> Result<PathBuf, ProcessError> {
        Ok(self.releases(key)?.join(component(release.as_str())?))
    }
}

/// The folder of one release's instances.
#[derive(Debug, Clone)]
pub(crate) struct SlotFolder(PathBuf);

impl SlotFolder {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.0.join("slot.json")
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.0.join("configuration.sealed")
    }

    /// There while the slot is being stopped: nobody starts its instances again.
    pub(crate) fn stopping(&self) -> PathBuf {
        self.0.join("stopping")
    }

    pub(crate) fn instance(&self, service: &ServiceName, n: u32) -> InstanceFolder {
        InstanceFolder(self.0.join(format!("{service}-{n}")))
    }
}

/// The folder of one instance.
#[derive(Debug, Clone)]
pub(crate) struct InstanceFolder(PathBuf);

impl InstanceFolder {
    #[cfg(test)]
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn process(&self) -> PathBuf {
        self.0.join("process")
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.0.join("instance.json")
    }

    /// The log (0) and its older parts (1 is the latest of them).
    pub(crate) fn log(&self, age: u32) -> PathBuf {
        if age == 0 { self.0.join("out.log") } else { self.0.join(format!("out.{age}.log")) }
    }

    pub(crate) fn log_position(&self) -> PathBuf {
        self.0.join("out.position")
    }
}

/// A text that is one plain file name; names come from files and command lines too.
pub(crate) fn component(text: &str) -> Result<&str, ProcessError> {
    let plain = !text.is_empty()
        && text.len() <= 200
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if plain { Ok(text) } else { Err(ProcessError::BadName { name: text.to_owned() }) }
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
