//! What front ends and the control plane say to each other: JSON over HTTP on the unix socket `bascule.sock` in the state folder.
//!
//! Every answer that is not 2xx carries a [`Problem`]. Long answers are streams of one JSON object a line.

mod approvals;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bascule_engine::draft::Wish;
use bascule_engine::policy::Approval;
use bascule_engine::ports::{Namespace, Unneeded, Vault};
use bascule_engine::progress::Update;
use bascule_journal::Recorded;
use bascule_model::evidence::{CheckResult, InstanceStatus};
use bascule_model::gate::{Decision, Provenance};
use bascule_model::ids::{
    AppName, EnvironmentKey, EnvironmentName, InstanceId, ReleaseId, RunId, ServiceName, Slot,
};
use bascule_model::manifest::{Environment, InstanceText, Secret, SecretName};
use bascule_model::plan::{ObjectChange, Plan, Promoted, RunKind};
use bascule_model::problem::Problem;
use bascule_model::run::{Outcome, RunState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::approvals::{ApproveRequest, Approved, WaitingPlan};

/// The version of this interface; a control plane of another one is asked to make way. One that does not know what an environment
/// asks for would let everything in.
pub const INTERFACE: u32 = 2;

/// `GET /v1/hello`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    /// [`INTERFACE`].
    pub interface: u32,
    /// The program's version.
    pub version: String,
    /// Process id of the control plane.
    pub pid: u32,
}

/// A resolved manifest on its way to the control plane. Holds values: it goes through the socket (mode 0600) and nowhere else.
#[derive(Clone, Serialize, Deserialize)]
pub struct WishRequest {
    /// The environment, without its private values.
    pub environment: Environment,
    /// The private values by name.
    pub secrets: BTreeMap<String, InstanceText>,
    /// The folder of the manifest, absolute.
    pub project: PathBuf,
    /// Deploy exactly this artifact, as [`bascule_model::release::Release::artifact`].
    #[serde(default)]
    pub artifact: Option<String>,
    /// The commit that the folder, or the artifact that is named, is of.
    #[serde(default)]
    pub provenance: Option<Provenance>,
}

impl WishRequest {
    /// Packs an environment.
    #[must_use]
    pub fn new(mut environment: Environment, project: PathBuf) -> Self {
        let secrets = std::mem::take(&mut environment.secrets)
            .into_iter()
            .map(|(name, secret)| (name.as_str().to_owned(), secret.expose().clone()))
            .collect();
        Self { environment, secrets, project, artifact: None, provenance: None }
    }

    /// Unpacks it into what the engine takes.
    #[must_use]
    pub fn into_wish(self, vault: &dyn Vault, now: Timestamp) -> Wish {
        let mut environment = self.environment;
        environment.secrets =
            self.secrets.into_iter().map(|(name, text)| (SecretName::new(name), Secret::new(text))).collect();
        let wish = bascule_engine::draft::draft(&environment, self.project, vault, now);
        Wish { artifact: self.artifact, provenance: self.provenance, ..wish }
    }
}

/// `POST /v1/plan` → [`Planned`]
#[derive(Clone, Serialize, Deserialize)]
pub struct PlanRequest {
    /// What is wanted.
    pub wish: WishRequest,
    /// Who wants it.
    #[serde(default)]
    pub actor: String,
}

/// A plan and its hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Its hash.
    pub plan_hash: String,
    /// What would keep it out now, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Problem>,
    /// What it would change of a cluster's objects, as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectChange>,
}

/// `POST /v1/checklist`, a [`PlanRequest`] → what has to have been seen before a deploy
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checklist {
    /// Where.
    pub key: EnvironmentKey,
    /// The artifact that it is about; none: it is not made yet.
    pub artifact: Option<String>,
    /// Nothing blocks.
    pub passed: bool,
    /// Each item.
    pub items: Vec<Decision>,
}

/// `POST /v1/rehearsals` → [`bascule_model::rehearsal::Rehearsal`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RehearsalRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// Its runs, in order.
    pub runs: Vec<RunId>,
    /// Requests that were sent all the while.
    pub requests: u64,
    /// Those that were lost.
    pub lost: u64,
    /// How the first of them was lost; empty: none was.
    pub why: String,
    /// Who made it.
    pub actor: String,
}

/// `POST /v1/deploy` → [`Started`]
#[derive(Clone, Serialize, Deserialize)]
pub struct DeployRequest {
    /// What is wanted.
    pub wish: WishRequest,
    /// Only this plan.
    pub plan: Option<String>,
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/artifact`, a [`WishRequest`] → the artifact, made and not deployed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ArtifactMade {
    /// As `Release::artifact`.
    pub artifact: String,
}

/// `POST /v1/rollback` → [`Started`]; `POST /v1/rollback/plan` → [`Planned`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RollbackRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// To which release; none: the last that settled before the live one.
    pub to: Option<ReleaseId>,
    /// Only this plan.
    pub plan: Option<String>,
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/down`, `/v1/retire`, `/v1/contract` and `/v1/revert` → [`Started`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/revert/left`, a [`KeyRequest`] → whether only the database is left of a rollback that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevertLeft {
    /// It is.
    pub left: bool,
}

/// `POST /v1/undrop` → [`Started`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UndropRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// The versions whose contracts are taken back, in this order.
    pub versions: Vec<String>,
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/prune` → [`Pruned`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PruneRequest {
    /// Only this environment's releases; none: all of the state folder. Artifacts are looked at either way.
    pub key: Option<EnvironmentKey>,
    /// Only say it.
    pub mode: PruneMode,
    /// Who wants it.
    pub actor: String,
}

/// Whether something is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PruneMode {
    /// It is.
    Remove,
    /// It is only said what would be.
    DryRun,
}

/// What nobody needs, and is gone now; or would be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pruned {
    /// Each thing.
    pub removed: Vec<Unneeded>,
    /// Bytes of all of them, as far as that is known.
    pub bytes: u64,
    /// Artifacts and images were left alone, because a run is making one.
    pub without_artifacts: bool,
}

/// `POST /v1/exec` → an upgraded connection with the frames of [`crate::exec::frames`]
#[derive(Clone, Serialize, Deserialize)]
pub struct ExecRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// In whose surroundings.
    pub service: ServiceName,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The rows and columns of its terminal; none: it gets pipes.
    pub terminal: Option<(u16, u16)>,
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/runs/{run}/abort` → `{}`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AbortRequest {
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/resume` → [`bascule_engine::take_over::Resumed`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// Which environment.
    pub key: EnvironmentKey,
    /// Where it is, by the manifest.
    pub place: Namespace,
    /// The folder of the manifest.
    pub project: Option<PathBuf>,
    /// Who wants it.
    pub actor: String,
}

/// `POST /v1/runs/{run}/resolve` → [`Started`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveRequest {
    /// Why it is abandoned; none: the undo is tried again.
    pub abandon: Option<String>,
    /// Who decides.
    pub actor: String,
}

/// A run was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Started {
    /// Its name. Follow it at `GET /v1/runs/{run}/follow?after=0`: lines of [`Line`].
    pub run: RunId,
}

/// A line of a followed run. The last is an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// How it ended, or why it cannot be followed any more.
    Outcome(OutcomeLine),
    /// An event or a note.
    Update(Update),
}

/// The last line: how a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeLine {
    /// Always `outcome`.
    #[serde(rename = "type")]
    pub kind: OutcomeTag,
    /// `live`, `refused`, `rolled_back`, `stuck` or `failed`.
    pub outcome: Outcome,
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What the run was for.
    pub run_kind: RunKind,
    /// The release that the run was to bring live.
    pub release: Option<ReleaseId>,
    /// The release that has the traffic now.
    pub live_release: Option<ReleaseId>,
    /// The run.
    pub run: RunId,
    /// Time of the switch in milliseconds, where one was made.
    pub switch_ms: Option<f64>,
    /// What decided the bake, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bake: Option<String>,
    /// What went wrong, unless nothing did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Problem>,
}

/// The word `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeTag {
    /// The only one.
    Outcome,
}

/// `GET /v1/status?key=APP/ENVIRONMENT`; `GET /v1/environments` answers a list of all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnvironmentStatus {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Who has the traffic, as the edge says; null when nobody has.
    pub live: Option<SlotStatus>,
    /// What stands in the other slot; null when nothing does.
    pub standby: Option<SlotStatus>,
    /// The run that is not over; null when there is none.
    pub run: Option<ActiveRun>,
    /// The users' door, `address:port`; null when it is closed.
    pub listen: Option<String>,
    /// Where what is seen differs from what is recorded, one sentence each.
    pub drift: Vec<String>,
    /// The folder of the manifest it was last deployed from.
    pub project: Option<PathBuf>,
}

/// A slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlotStatus {
    /// The release in it.
    pub release: ReleaseId,
    /// Its place.
    pub slot: Slot,
    /// What it runs, by digest.
    #[serde(default)]
    pub artifact: String,
    /// The commit that it is of; null where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The versions of its secrets that came from the store, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, u32>,
    /// Since when it is live, or null.
    pub since: Option<Timestamp>,
    /// Until when it is kept warm; null for the live one.
    pub warm_until: Option<Timestamp>,
    /// Its instances.
    pub instances: Vec<InstanceView>,
    /// Requests it has answered since it was put there; null where the edge does not say.
    pub requests: Option<u64>,
    /// Of those, 5xx and failed connections.
    pub errors: Option<u64>,
    /// In flight now.
    pub in_flight: Option<u64>,
}

/// An instance and how it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceView {
    /// As the target sees it.
    #[serde(flatten)]
    pub status: InstanceStatus,
    /// As the last probes saw it; null before the first verdict.
    pub healthy: Option<bool>,
    /// What the last probe said.
    pub health: Option<String>,
}

/// A run that is not over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActiveRun {
    /// Its name.
    pub id: RunId,
    /// What for.
    pub kind: RunKind,
    /// The step it is at.
    pub step: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Who wanted it.
    pub actor: String,
    /// Why a person must decide, if so.
    pub stuck: Option<Problem>,
}

/// `GET /v1/runs/{run}`: the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// Its name.
    pub run: RunId,
    /// Its plan.
    pub plan: Plan,
    /// The plan's hash.
    pub plan_hash: String,
    /// Who wanted it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// Where it stands.
    pub state: RunState,
    /// Everything that happened, in order.
    pub events: Vec<Recorded>,
    /// How it ended; null while it goes on.
    pub outcome: Option<OutcomeLine>,
    /// Who had approved of its plan when it began. Soft: users of one machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
}

/// `GET /v1/history?key=…&limit=20` → list, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The run.
    pub run: RunId,
    /// What for.
    pub kind: RunKind,
    /// The release.
    pub release: Option<ReleaseId>,
    /// The commit that it is of; null where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Where its artifact settled before; null where it was not promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Promoted>,
    /// Who wanted it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// How it ended; null while it goes on.
    pub outcome: Option<Outcome>,
    /// Why, where it failed.
    pub problem: Option<Problem>,
    /// What became of the release: `live`, `standby`, or null.
    pub stands: Option<String>,
}

/// `POST /v1/verify` (a [`KeyRequest`]) → [`Verified`]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verified {
    /// The results, in the manifest's order.
    pub checks: Vec<CheckResult>,
}

/// `GET /v1/logs?key=…&release=…&service=…&tail=…` → list of [`LogChunk`]; with `follow=true` a stream of them, one a line, without end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogChunk {
    /// Whose.
    pub instance: InstanceId,
    /// Its service.
    pub service: Option<ServiceName>,
    /// Lines without line ends. Untrusted text.
    pub lines: Vec<String>,
}

/// The query of `GET /v1/render`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenderRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// Which release; none: the live one.
    pub release: Option<ReleaseId>,
}

/// The query of `GET /v1/logs`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogsRequest {
    /// Where.
    pub key: EnvironmentKey,
    /// Which release; none: the live one.
    pub release: Option<ReleaseId>,
    /// Which service; none: all.
    pub service: Option<ServiceName>,
    /// The last lines of each instance.
    pub tail: usize,
    /// Go on as more is written.
    #[serde(default)]
    pub follow: bool,
}
