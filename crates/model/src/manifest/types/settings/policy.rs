//! `[environments.NAME.policy]` as it is written.

use schemars::JsonSchema;

use super::Located;
use crate::freeze::FreezeWindow;
use crate::manifest::schema;
use crate::units::Duration;

/// What has to be so before an environment takes a release. A rollback asks for none of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Policy", deny_unknown_fields)]
pub struct PolicySettings {
    /// How many other users of this machine have to approve of the plan, with `bascule approve`.
    #[schemars(range(min = 0, max = 10), extend("default" = 0))]
    pub approvals: Option<Located<u32>>,
    /// How long an approval holds, at most 30d.
    #[schemars(extend("default" = "24h"))]
    pub approvals_for: Option<Located<Duration>>,
    /// When nothing is deployed, as in `["Fri 16:00..Mon 08:00 Europe/Berlin", "2026-12-20..2027-01-02"]`. Without a zone it is UTC.
    #[schemars(with = "Option<Vec<schema::FreezeWindowText>>")]
    pub freeze: Option<Vec<Located<FreezeWindow>>>,
    /// Whether a release may hold files that are in no commit. Without it: not where the manifest has a pipeline and this
    /// is `production` or has `promote_from`, else it may.
    pub allow_dirty: Option<Located<bool>>,
    /// Whether `bascule checklist` has to pass. Without it: where the manifest has a pipeline and this is `production`.
    pub checklist: Option<Located<bool>>,
    /// Names of configuration that the environment it is promoted from has, and this one is to be without.
    #[schemars(with = "Option<Vec<schema::VariableName>>")]
    pub left_out: Option<Vec<Located<String>>>,
}
