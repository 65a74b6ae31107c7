//! Who is killed.

use bascule_server::api::HistoryEntry;

use crate::support::app::App;
use crate::support::fixture::Instance;
use crate::support::processes;
use crate::support::world::World;

/// Whom `kill -9` hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// `bascule serve`.
    ControlPlane,
    /// `bascule edge`.
    Edge,
    /// One instance of the release that the run brings live, if it has one yet.
    Instance,
    /// All three at once.
    All,
}

impl Victim {
    /// Kills. What is to be killed is looked up first, so that all die at once.
    pub fn strike(self, world: &World<'_>, app: &App) {
        let instance = match self {
            Self::Instance | Self::All => an_instance_of_the_new_release(world, app),
            Self::ControlPlane | Self::Edge => None,
        };
        let serve = matches!(self, Self::ControlPlane | Self::All).then(|| world.serve_pid().unwrap());
        let edge = matches!(self, Self::Edge | Self::All).then(|| world.edge_pid().unwrap());
        serve.into_iter().chain(edge).for_each(processes::kill);
        if let Some(instance) = instance {
            world.fixture.kill(&instance);
        }
    }
}

fn an_instance_of_the_new_release(world: &World<'_>, app: &App) -> Option<Instance> {
    let newest: HistoryEntry = serde_json::from_value(world.newest_run(app)?).unwrap();
    let release = newest.release?.to_string();
    // Whose last start lies back longest: each further exit makes an instance wait longer before it is started again.
    world.running(app).into_iter().filter(|one| one.release == release).min_by_key(|one| one.pid)
}
