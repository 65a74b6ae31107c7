//! What has to be so before an environment takes a release.

use serde::{Deserialize, Serialize};

use crate::freeze::FreezeWindow;
use crate::units::Duration;

/// What has to be so before an environment takes a release. A rollback asks for none of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many others have to approve of the plan.
    pub approvals: u32,
    /// How long an approval holds.
    pub approvals_for: Duration,
    /// When nothing is deployed.
    pub freeze: Vec<FreezeWindow>,
    /// Whether a release may hold what is in no commit.
    pub allow_dirty: bool,
    /// Whether the checklist has to pass.
    pub checklist: bool,
    /// Names of configuration that the other environment has and this one is to be without.
    pub left_out: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            approvals: 0,
            approvals_for: Duration::from_seconds(86_400),
            freeze: Vec::new(),
            allow_dirty: true,
            checklist: false,
            left_out: Vec::new(),
        }
    }
}

/// Whether releases go through a pipeline: then more is asked of an environment that does not say what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipping {
    /// They are deployed by hand.
    ByHand,
    /// The manifest has a pipeline.
    ByPipeline,
}
