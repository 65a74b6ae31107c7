//! What a rehearsal of an artifact showed: deployed, rolled back and deployed again, with requests all the while.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AppName, EnvironmentName, ReleaseId, RunId};
use crate::plan::RunKind;

/// A rehearsal that went well: `rehearsals/APP/DIGEST.json` of the state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Whose it is: another app that runs the same files has shown nothing.
    pub app: AppName,
    /// What was rehearsed, as `Release::artifact`.
    pub artifact: String,
    /// Where.
    pub environment: EnvironmentName,
    /// Its runs, in order: at least a deploy, a rollback and a deploy.
    pub runs: Vec<RehearsedRun>,
    /// Requests that were sent all the while.
    pub requests: u64,
    /// Those of them that were lost.
    pub lost: u64,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Who made it.
    pub actor: String,
}

/// One run of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedRun {
    /// The run.
    pub run: RunId,
    /// What for.
    pub kind: RunKind,
    /// The release that it brought live.
    pub release: ReleaseId,
    /// What its steps were to do, in order: for the rollback, this is the rollback plan.
    pub steps: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}
