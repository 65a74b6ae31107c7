//! What is asked of a run.

use bascule_migrations::{Phase, Version};
use serde::{Deserialize, Serialize};

/// Which phases are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phases {
    /// What the live release can live with.
    Expand,
    /// What only former releases needed, of migrations that are expanded and filled in.
    Contract,
    /// All of each migration, one after the other: nothing runs on the database, or nobody minds.
    Everything,
}

impl Phases {
    /// Whether a phase is among them.
    #[must_use]
    pub fn include(self, phase: Phase) -> bool {
        match self {
            Self::Expand => phase == Phase::Expand,
            Self::Contract => phase == Phase::Contract,
            Self::Everything => true,
        }
    }
}

/// What becomes of a migration that comes before one that is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// It is a difference that somebody has to decide on.
    Strict,
    /// It is applied now.
    Loose,
}

/// What becomes of migrations that are applied and not in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// They are a difference that somebody has to decide on.
    Refused,
    /// They belong to a later release, or to one beside.
    Borne,
}

/// What is asked of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Which phases.
    pub phases: Phases,
    /// The last version of the set that is applied; none: all of it.
    pub to: Option<Version>,
    /// Whether the order is kept.
    pub order: Order,
    /// Whether the set has to have everything that is applied.
    pub missing: Missing,
}

impl Wish {
    /// These phases of the whole set, in order.
    #[must_use]
    pub fn new(phases: Phases) -> Self {
        Self { phases, to: None, order: Order::Strict, missing: Missing::Refused }
    }
}
