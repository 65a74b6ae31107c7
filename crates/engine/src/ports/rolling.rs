//! Moving users from one release to another one instance by instance, as whoever directs the traffic does it.

use bascule_model::ids::ServiceName;
use serde::{Deserialize, Serialize};

/// Which way a roll goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// To the new release.
    Forth,
    /// To the one that was live, whatever became of the new one.
    Back,
}

/// Where a roll is after a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
    /// Whether nothing is left to do: users have the release that comes, and no other.
    pub is_over: bool,
    /// Its services.
    pub services: Vec<RolledService>,
}

/// Where a service is in a roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledService {
    /// Its name.
    pub service: ServiceName,
    /// Instances of the release that comes that are ready.
    pub come: u32,
    /// As many as there are to be.
    pub of: u32,
    /// Instances of the release that goes that are there.
    pub left: u32,
}

impl Rolled {
    /// How far it is, as two numbers: who has come, and who is left.
    #[must_use]
    pub fn sums(&self) -> (u32, u32) {
        self.services.iter().fold((0, 0), |(come, left), one| (come + one.come, left + one.left))
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self) -> String {
        let of = |one: &RolledService| {
            format!(
                "{}: {} of {} have come, {} of the former are left",
                one.service, one.come, one.of, one.left
            )
        };
        self.services.iter().map(of).collect::<Vec<_>>().join("; ")
    }
}
