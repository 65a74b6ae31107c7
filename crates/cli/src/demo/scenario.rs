//! The scenes: which release is deployed, what is wrong with it, and how that has to end.

use bascule_model::problem::{Code, Problem};
use bascule_model::run::Outcome;

use crate::demo::scratch::Scratch;

/// One scene.
#[derive(Debug)]
pub struct Scene {
    /// What it is called.
    pub title: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// What is done.
    pub does: Does,
    /// How it has to end.
    pub ends: Outcome,
    /// The version that has the traffic afterwards.
    pub live: &'static str,
}

/// What is done in a scene.
#[derive(Debug)]
pub enum Does {
    /// `deploy`, after the project was changed.
    Deploy(Version),
    /// `rollback --to` the release that this scene (counted from 0) brought.
    RollbackTo(usize),
}

/// A version of the app.
#[derive(Debug)]
pub struct Version {
    /// What it calls itself.
    pub name: &'static str,
    /// What is wrong with it, as a variable of the app and its value.
    pub fault: Option<(&'static str, &'static str)>,
    /// How long its instances may take to get ready.
    pub deadline: &'static str,
    /// How long it is watched after the switch.
    pub bake: &'static str,
    /// What decides when it got few requests: the first release has no users yet.
    pub on_no_data: &'static str,
}

const SOUND: Version = Version { name: "2", fault: None, deadline: "60s", bake: "4s", on_no_data: "wait" };

/// The scenario, in order.
pub const SCENES: &[Scene] = &[
    Scene {
        title: "deploy v1",
        shows: "the first release",
        does: Does::Deploy(Version { name: "1", bake: "1s", on_no_data: "probe", ..SOUND }),
        ends: Outcome::Live,
        live: "1",
    },
    Scene {
        title: "deploy v2",
        shows: "the next one, blue-green",
        does: Does::Deploy(SOUND),
        ends: Outcome::Live,
        live: "2",
    },
    Scene {
        title: "deploy v3",
        shows: "it never gets healthy",
        does: Does::Deploy(Version {
            name: "3",
            fault: Some(("SHOP_FAULT_NEVER_HEALTHY", "1")),
            deadline: "4s",
            ..SOUND
        }),
        ends: Outcome::RolledBack,
        live: "2",
    },
    Scene {
        title: "deploy v4",
        shows: "healthy, but 5 % of its answers are errors",
        does: Does::Deploy(Version { name: "4", fault: Some(("SHOP_FAULT_ERROR_RATE", "5%")), ..SOUND }),
        ends: Outcome::RolledBack,
        live: "2",
    },
    Scene {
        title: "rollback to v1",
        shows: "it was stopped meanwhile, and is started again",
        does: Does::RollbackTo(0),
        ends: Outcome::Live,
        live: "1",
    },
    Scene {
        title: "rollback to v2",
        shows: "it is still warm: the switch alone",
        does: Does::RollbackTo(1),
        ends: Outcome::Live,
        live: "2",
    },
];

impl Scene {
    /// Changes the project for it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn prepare(&self, scratch: &Scratch) -> Result<(), Problem> {
        match &self.does {
            Does::Deploy(version) => scratch.write(version).map_err(|error| {
                Problem::new(
                    Code::StateUnusable,
                    format!("writing the demo's project in {}: {error}", scratch.project.display()),
                    "make room in the folder for temporary files, or name another one with TMPDIR",
                )
            }),
            Does::RollbackTo(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Target;
    use crate::demo::scratch::manifest;

    #[test]
    fn every_version_of_the_project_is_a_manifest_without_mistakes() {
        for scene in SCENES {
            let Does::Deploy(version) = &scene.does else { continue };
            for target in [Target::Process, Target::Docker] {
                let text = manifest(version, "127.0.0.1:8080".parse().unwrap(), target);
                let parsed = bascule_model::manifest::parse(&text, "bascule.toml");
                assert!(
                    parsed.is_ok(),
                    "{}",
                    parsed.unwrap_err().render(bascule_model::manifest::Color::Never)
                );
            }
        }
    }

    #[test]
    fn a_rollback_goes_to_a_release_that_went_live_before() {
        for (i, scene) in SCENES.iter().enumerate() {
            if let Does::RollbackTo(goal) = scene.does {
                assert!(goal < i && SCENES[goal].ends == Outcome::Live);
            }
        }
    }
}
