//! What differs between targets: how an app is made deployable, and how what runs of it is seen and hurt.

#[cfg(feature = "docker")]
mod docker;
#[cfg(all(feature = "docker", feature = "kubernetes"))]
mod kubernetes;
mod process;

use std::path::Path;

#[cfg(feature = "docker")]
pub use docker::{Docker, Registry};
#[cfg(all(feature = "docker", feature = "kubernetes"))]
pub use kubernetes::Kubernetes;
pub use process::Process;

use super::app::App;
use super::world::World;

/// A running instance, as the machine sees it and not as Bascule says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The app that it belongs to.
    pub app: String,
    /// The release.
    pub release: String,
    /// Its name.
    pub name: String,
    /// Its process.
    pub pid: u32,
}

/// A target.
pub trait Fixture {
    /// Its name in the manifest.
    fn target(&self) -> &'static str;

    /// What commands need in their environment.
    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Puts the shop into the app's project, and what the manifest says of it into the app.
    fn put_shop(&self, app: &mut App);

    /// Makes the artifact hold these files of the project as well.
    fn take_along(&self, app: &mut App, names: &[&str]);

    /// Removes what the artifact is made from.
    fn remove_sources(&self, app: &App);

    /// Lets instances see a folder of the machine, at its own path.
    fn share(&self, app: &mut App, folder: &Path);

    /// Makes the app run a script of its project, which runs a program in `programs` and speaks to a server in `server`.
    fn put_program(&self, app: &mut App, script: &str, programs: &Path, server: &Path);

    /// What runs of the world.
    fn running(&self, world: &World<'_>) -> Vec<Instance>;

    /// What the target keeps on disk of releases that stand in slots: their names.
    fn standing(&self, state: &Path, app: &str, environment: &str) -> Vec<String> {
        let folder = state.join("instances").join(app).join(environment);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().join("slot.json").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Leaves things of a release at the target that nobody keeps, and others of strangers that look like them.
    fn leave_behind(&self, _: &World<'_>, _release: &str) {}

    /// Fails unless what [`Self::leave_behind`] left is gone, and the strangers' things are there.
    fn check_left(&self, _: &World<'_>) {}

    /// Kills an instance as `kill -9` does.
    fn kill(&self, instance: &Instance) {
        super::processes::kill(instance.pid);
    }
}
