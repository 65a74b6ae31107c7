//! What is said at the door for approvals, which is every user's.

use bascule_engine::policy::Approval;
use bascule_model::plan::Plan;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET /v1/waiting?plan=HASH`: a plan that others have to approve of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaitingPlan {
    /// The plan. It has no values.
    pub plan: Plan,
    /// Its hash.
    pub plan_hash: String,
    /// The number of its release.
    pub number: u64,
    /// How many have to approve.
    pub approvals: u32,
    /// How long an approval holds, in seconds.
    pub valid_s: u64,
    /// Who asked first.
    pub asked_by: String,
    /// That user's number.
    pub asked_uid: u32,
    /// When.
    pub asked_at: Timestamp,
}

/// `POST /v1/approve` → [`Approved`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApproveRequest {
    /// The plan's hash.
    pub plan: String,
    /// How the user is called; who it is, the kernel says.
    pub actor: String,
}

/// An approval, and whether it is enough.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Approved {
    /// The approval.
    pub approval: Approval,
    /// How many approve now.
    pub have: usize,
    /// How many have to.
    pub wanted: u32,
    /// What was approved of.
    pub plan: Plan,
}
