//! What the engine needs from the outside, as traits. Each call that changes something carries the lease's generation (the
//! fence), is idempotent, and is refused with [`PortError::Fenced`] when a higher generation was seen.

mod migrations;
mod rolling;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bascule_model::evidence::{CheckResult, InstanceStatus, ProbeResult, Traffic as TrafficCount};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, RunId, ServiceName, Slot};
use bascule_model::plan::{ArtifactPlan, ObjectChange};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Check, Configuration, Health, Release, Service, Source};
use bascule_model::run::Evidence;
use bascule_secrets::redact::Redactor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::migrations::{Fills, Migrating, Migrations, NoMigrations, Surveyed, Surveying};
pub use self::rolling::{Bound, Rolled, RolledService};
pub use crate::exec::{ExecControl, ExecOutput, ExecSession, ExecSpec, TaskSpec, TerminalSize};

/// Why a port could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Another engine has the environment now: stop, and change nothing any more.
    #[error("another engine has taken the environment over")]
    Fenced,
    /// Another control plane without our journal has taken the environment over: what happened since is known there alone.
    #[error("the environment was taken over, and is at home at {0} now")]
    Elsewhere(String),
    /// Anything else, ready to be shown.
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Fenced => Self::new(
                Code::LeaseLost,
                "another engine has taken the environment over",
                "look at `bascule status`: the other engine's run decides now",
            ),
            PortError::Elsewhere(home) => crate::home::taken_over(&home),
            PortError::Problem(problem) => problem,
        }
    }
}

/// What stands, or is to stand, in a slot.
#[derive(Debug, Clone)]
pub struct SlotSpec {
    /// The release.
    pub release: Release,
    /// The place.
    pub slot: Slot,
    /// Its values.
    pub configuration: Configuration,
}

/// Names what stands in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlotRef {
    /// The environment.
    pub key: EnvironmentKey,
    /// The place.
    pub slot: Slot,
    /// The release.
    pub release: ReleaseId,
}

/// Which lines of a log.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// The release.
    pub release: ReleaseId,
    /// Only this service.
    pub service: Option<ServiceName>,
    /// The last lines of each instance.
    pub tail: usize,
}

/// Lines of one instance, standard output and error in the order they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLines {
    /// Whose.
    pub instance: InstanceId,
    /// The lines, without line ends. Untrusted text.
    pub lines: Vec<String>,
    /// Where to go on reading (bytes ever written); ask again with it to follow.
    pub position: u64,
}

/// Where instances run.
#[async_trait]
pub trait Target: Send + Sync {
    /// What the machine cannot give of what the release asks for, one sentence each.
    async fn warnings(&self, release: &Release) -> Vec<String>;

    /// Refuses what could not be started in the slot, as far as that can be asked before anything is made; answers what a person should
    /// know of it, one sentence each. Changes nothing.
    async fn can_start(&self, _spec: &SlotSpec) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }

    /// What [`Self::start`] and the switch would make and change of objects that people can see for themselves, beside what is there
    /// now; empty where there are none. Changes nothing.
    async fn changes(&self, _spec: &SlotSpec) -> Result<Vec<ObjectChange>, PortError> {
        Ok(Vec::new())
    }

    /// Starts every instance of the slot that is not running, and keeps them running. Returns when every process was begun.
    async fn start(&self, fence: Generation, spec: &SlotSpec) -> Result<Vec<InstanceStatus>, PortError>;

    /// The instances of the slot as they are now; empty when nothing of it is there.
    async fn observe(&self, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError>;

    /// Stops every instance of the slot (signal, grace, kill, whole process group) and forgets it. Done when nothing is left.
    async fn stop(&self, fence: Generation, slot: &SlotRef) -> Result<(), PortError>;

    /// Every slot that something stands in, in the target's own records.
    async fn slots(&self) -> Result<Vec<SlotRef>, PortError>;

    /// The last lines of an environment's logs, also of releases that have ended while their logs are kept.
    async fn logs(&self, key: &EnvironmentKey, query: &LogQuery) -> Result<Vec<LogLines>, PortError>;

    /// What one instance wrote from a position on (see [`LogLines::position`]).
    async fn logs_after(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
        position: u64,
    ) -> Result<LogLines, PortError>;

    /// Why an instance that runs does not answer, where that can be seen ("it listens on 8080, not on $PORT").
    async fn explain(&self, _slot: &SlotRef, _instance: &InstanceId) -> Option<String> {
        None
    }

    /// Where what stands in the slot is not as it was made, one sentence each: changed or removed behind Bascule's back.
    async fn drift(&self, _slot: &SlotRef) -> Vec<String> {
        Vec::new()
    }

    /// Runs a command once in the surroundings of a service of what stands in the slot. It is no instance, and no call of this
    /// trait sees it.
    async fn exec(&self, spec: &ExecSpec) -> Result<ExecSession, PortError> {
        Err(Problem::new(
            Code::Usage,
            format!("the target of {} cannot run commands beside its instances", spec.slot.key),
            "run it by hand where the instances run",
        )
        .into())
    }

    /// Runs a command of a release once, in the surroundings of one of its services, whether anything of it stands in the slot or not. What
    /// an earlier attempt at the same task has left running is ended first. It is no instance; [`Self::forget_tasks`] takes away what was
    /// made for it.
    async fn run_task(
        &self,
        _fence: Generation,
        spec: &SlotSpec,
        task: &TaskSpec,
    ) -> Result<ExecSession, PortError> {
        Err(Problem::new(
            Code::Usage,
            format!("the target of {} cannot run the task {}", spec.release.key, task.name),
            "take the task out of the manifest",
        )
        .into())
    }

    /// Ends what is left of the tasks of a release of which no instance was started, and takes away what was made for them.
    async fn forget_tasks(&self, fence: Generation, _: &Release, slot: &SlotRef) -> Result<(), PortError> {
        self.stop(fence, slot).await
    }

    /// Forgets logs and folders of releases of the environment that are not to be kept.
    async fn prune(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        keep: &[ReleaseId],
    ) -> Result<(), PortError>;

    /// What [`Self::prune`] would remove now. Changes nothing.
    async fn unneeded(&self, _key: &EnvironmentKey, _keep: &[ReleaseId]) -> Result<Vec<Unneeded>, PortError> {
        Ok(Vec::new())
    }
}

/// Something that nobody needs any more, and that a prune removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unneeded {
    /// What it is, in words: `image bascule/shop:ab12…`.
    pub what: String,
    /// Bytes that its removal gives back, as far as that is known.
    pub bytes: u64,
}

/// An artifact that is to be made.
pub struct Making<'a> {
    /// For which environment.
    pub key: &'a EnvironmentKey,
    /// What from.
    pub source: &'a Source,
    /// The release's values: a build may have secrets, a registry wants to know who asks.
    pub values: &'a Configuration,
    /// The hash of the plan that it is made for.
    pub plan_hash: &'a str,
    /// Where the output goes.
    pub log: &'a Path,
    /// Takes the secrets of the release out of it: nothing is written there, told or answered that did not go through this.
    pub redactor: &'a Redactor,
    /// Tells who watches how far it is; not recorded.
    pub note: &'a (dyn Fn(String) + Send + Sync),
}

/// An artifact that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// As [`Release::artifact`].
    pub digest: String,
    /// What there is to say of it: why nothing had to be built, where it was pushed to.
    pub says: Option<String>,
}

/// Where artifacts come from and are kept, by digest.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// What would be made, without making it. For files their digest (`sha256:<hex>`); for a build command a SHA-256 (hex) over
    /// paths, modes and contents of the project's sources (what Git lists where there is a repository, else all but hidden folders,
    /// `target`, `node_modules` and what `files` names); for an image that is built a SHA-256 over everything that its build
    /// sees; for a named image the digest that the name has now.
    async fn survey(&self, source: &Source, values: &Configuration) -> Result<ArtifactPlan, PortError>;

    /// Builds it where it is built, and takes it into the store.
    async fn make(&self, making: &Making<'_>) -> Result<Made, PortError>;

    /// Whether the store has it and it is what its digest says. What can be fetched from a registry by its digest is fetched.
    async fn verify(&self, digest: &str, values: &Configuration) -> Result<Presence, PortError>;

    /// Removes what is not to be kept.
    async fn prune(&self, keep: &[String]) -> Result<(), PortError>;

    /// What [`Self::prune`] would remove now. Changes nothing.
    async fn unneeded(&self, _keep: &[String]) -> Result<Vec<Unneeded>, PortError> {
        Ok(Vec::new())
    }
}

/// Whether an artifact is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// There and whole.
    Whole,
    /// Not there.
    Missing,
    /// There, and not what its digest says: the first file that differs.
    Changed(String),
}

/// The traffic as it is directed now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// Who gets the users' requests.
    pub live: Option<(Slot, ReleaseId)>,
    /// What is known to stand in each slot.
    pub slots: BTreeMap<Slot, ReleaseId>,
}

/// What a drain came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Requests that were still in flight at the deadline and were cut.
    pub cut_requests: u64,
    /// WebSockets and other upgraded connections that were still open at the deadline and were cut.
    pub cut_upgraded: u64,
    /// How long it took.
    pub waited_ms: u64,
}

/// What a switch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    /// It was so before.
    pub already: bool,
    /// Time from the request to the answer, in microseconds.
    pub micros: u64,
}

/// Who takes an environment where it runs, and for which run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which environment.
    pub key: EnvironmentKey,
    /// For which run.
    pub run: RunId,
    /// The engine: process, machine, state folder.
    pub owner: String,
    /// Who asked for the run.
    pub actor: String,
}

impl Claim {
    /// The engine's machine and state folder.
    #[must_use]
    pub fn home(&self) -> &str {
        crate::home::of_owner(&self.owner)
    }
}

/// A namespace of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// The context of the kubeconfig; none: its current one.
    pub context: Option<String>,
    /// Its name.
    pub name: String,
}

/// What is kept of an environment's last run where the environment is, and who was at work there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRun {
    /// The contents, as [`Traffic::mirror`] was given them.
    pub mirrored: Vec<u8>,
    /// The generation under which they were written, or to which the environment was taken over.
    pub generation: Generation,
    /// What the environment's objects say of who made them.
    pub owner: String,
    /// Whether what we make there says the same.
    pub is_ours: bool,
    /// The machine and the state folder of who has the environment.
    pub home: String,
    /// Who is at work, in words, and when that was said last.
    pub at_work: Option<(String, Timestamp)>,
    /// The run that was at work last, and the generation of that, where it is said.
    pub last: Option<(RunId, Generation)>,
    /// Whether that run gave back what it had taken: it is over, whatever is kept of it.
    pub given_back: bool,
    /// Tells these contents from what anybody writes later.
    pub mark: String,
}

/// What becomes of keeping a run where nothing is kept yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfNone {
    /// It is made.
    Make,
    /// Nothing is made: the environment is not ours yet.
    Leave,
}

/// Who directs the users' requests: the edge, or a cluster.
#[async_trait]
pub trait Traffic: Send + Sync {
    /// Whether the users' door of the release could be opened: free, or ours already. Changes nothing.
    async fn can_open(&self, release: &Release) -> Result<(), PortError>;

    /// Takes the environment where it runs, so that engines with other journals see who is at work there; `release` says where that is.
    /// Before the first write of a run, and again when one goes on. `LEASE_HELD` while somebody else has it.
    async fn take(&self, _fence: Generation, _claim: &Claim, _release: &Release) -> Result<(), PortError> {
        Ok(())
    }

    /// Says that whoever took it is still at work. Nothing where it was not taken under this fence.
    async fn renew(&self, _fence: Generation, _key: &EnvironmentKey) -> Result<(), PortError> {
        Ok(())
    }

    /// Gives it back. Nothing where it was not taken under this fence, or somebody else has it by now.
    async fn give_back(&self, _fence: Generation, _key: &EnvironmentKey) -> Result<(), PortError> {
        Ok(())
    }

    /// Keeps what a control plane without this journal would need to go on with the run, where the environment is; in place of what was
    /// kept before. [`PortError::Elsewhere`] where somebody has taken the environment over with that. Nothing where the environment cannot
    /// be reached by others. Answers false where there was none, and none was made.
    async fn mirror(
        &self,
        _fence: Generation,
        _claim: &Claim,
        _release: &Release,
        _mirrored: &[u8],
        _if_none: IfNone,
    ) -> Result<bool, PortError> {
        Ok(true)
    }

    /// Whether somebody has taken the release's environment where it runs, or had it last. Changes nothing.
    async fn is_taken(&self, _release: &Release) -> Result<bool, PortError> {
        Ok(true)
    }

    /// The machine and the state folder of who is at work there, where that is said.
    async fn whereabouts(&self, _release: &Release) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    /// Removes what was kept there, as nothing of the environment is left.
    async fn forget_mirror(
        &self,
        _fence: Generation,
        _claim: &Claim,
        _release: &Release,
    ) -> Result<(), PortError> {
        Ok(())
    }

    /// What is kept of an environment's last run in that place, by whomsoever; none where nothing is. Changes nothing.
    async fn kept(&self, _place: &Namespace, _key: &EnvironmentKey) -> Result<Option<KeptRun>, PortError> {
        Ok(None)
    }

    /// Which release was made live in that place, as far as one of these releases says where that is to be seen; none: nobody. Changes
    /// nothing.
    async fn made_live(
        &self,
        _place: &Namespace,
        _releases: &[&Release],
    ) -> Result<Option<ReleaseId>, PortError> {
        Ok(None)
    }

    /// Takes the environment over from whoever kept that: from here on it is at `home`, and what is kept under a lower generation is
    /// refused. Answers whether it was done: it is not where somebody wrote since.
    async fn take_from(
        &self,
        _place: &Namespace,
        _key: &EnvironmentKey,
        _kept: &KeptRun,
        _generation: Generation,
        _home: &str,
    ) -> Result<bool, PortError> {
        Ok(false)
    }

    /// Makes sure that the users' door of the release's environment is open. From here on a lower fence is refused.
    async fn open(&self, fence: Generation, release: &Release) -> Result<(), PortError>;

    /// Where checks come in as users do.
    async fn door(&self, release: &Release) -> Result<SocketAddr, PortError> {
        Ok(release.listen)
    }

    /// Makes the slot's instances known. No user's request goes there by this.
    async fn register(
        &self,
        fence: Generation,
        release: &Release,
        slot: Slot,
        instances: &[InstanceStatus],
    ) -> Result<(), PortError>;

    /// Makes a new release as large as it has to be at this moment, where `live` has grown since it was started, or somebody made the new
    /// one smaller. Never on the way back, which waits for nothing new.
    async fn fit(&self, _fence: Generation, _release: &Release, _live: &ReleaseId) -> Result<(), PortError> {
        Ok(())
    }

    /// Whether the release has behind it what users need, at this moment. Asked before it gets the traffic, never on the way back.
    async fn can_take(&self, _release: &Release) -> Result<(), PortError> {
        Ok(())
    }

    /// Waits until users reach this release and no other, and says what was seen. Asked after it got the traffic.
    async fn proven(&self, _release: &Release) -> Result<Evidence, PortError> {
        Ok(Evidence::Null)
    }

    /// So often in a row users' door has to answer each check after the switch. More than once where others act on the switch, each in
    /// their own time, and one answer says nothing of the next.
    fn in_a_row(&self, _release: &Release) -> u32 {
        1
    }

    /// The switch: one conditional write. `expect` is who must be live now; `to` who is live then.
    async fn switch(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        expect: Option<&ReleaseId>,
        to: Option<(Slot, &ReleaseId)>,
    ) -> Result<Switched, PortError>;

    /// The next turn of giving the traffic of `from` to `to`, instances of the one coming as those of the other go: looks, and makes the
    /// writes that what is seen allows, if any. Asked again and again until it is over, by whoever: where it is, is kept with the
    /// traffic. While it lasts users reach both, and [`Self::routing`] says that who was live before still is.
    async fn roll(
        &self,
        _fence: Generation,
        _from: &Release,
        to: (Slot, &Release),
        _bound: Bound,
    ) -> Result<Rolled, PortError> {
        let (_, release) = to;
        Err(Problem::new(
            Code::Usage,
            format!("{} cannot come instance by instance where it is", release.id),
            "write strategy = \"blue-green\", then deploy again",
        )
        .into())
    }

    /// Who is live now, in truth.
    async fn routing(&self, key: &EnvironmentKey) -> Result<Routing, PortError>;

    /// Waits until nothing is in flight on the slot, cuts what is left at the deadline.
    async fn drain(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        slot: Slot,
        deadline: Duration,
    ) -> Result<Drained, PortError>;

    /// Forgets the slot. Refused while it is live.
    async fn unregister(&self, fence: Generation, key: &EnvironmentKey, slot: Slot) -> Result<(), PortError>;

    /// Forgets the environment and closes its door if nobody else uses it.
    async fn close(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError>;

    /// Users' requests of a release in the time since it got the traffic, where somebody else than [`Self::count`] counts them; none
    /// where nobody is asked. `since` is how long ago that was. A problem says why there is no data.
    async fn observed(
        &self,
        _release: &Release,
        _since: Duration,
    ) -> Result<Option<TrafficCount>, PortError> {
        Ok(None)
    }

    /// Begins to send requests of our own as users send theirs, where the release asks for that; none where it does not. They end when
    /// what is answered is dropped.
    async fn probing(
        &self,
        _release: &Release,
        _wanted: &Wanted,
    ) -> Result<Option<Box<dyn Probing>>, PortError> {
        Ok(None)
    }

    /// Requests of a release so far; `slow` counts those above the threshold.
    async fn count(
        &self,
        key: &EnvironmentKey,
        release: &ReleaseId,
        slow: Duration,
    ) -> Result<TrafficCount, PortError>;
}

/// What requests of our own ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Path and query.
    pub path: String,
    /// The `Host` header; none: the address.
    pub host: Option<String>,
}

/// Requests of our own that are under way until it is dropped.
pub trait Probing: Send + Sync {
    /// What became of them so far.
    ///
    /// # Errors
    /// Why that says nothing of the release.
    fn count(&self) -> Result<TrafficCount, Problem>;
}

/// Who asks instances how they are.
#[async_trait]
pub trait Checker: Send + Sync {
    /// One health probe of one instance.
    async fn probe(&self, address: SocketAddr, health: &Health) -> ProbeResult;

    /// One verify check, with its retries, against an instance or the users' door.
    async fn check(&self, check: &Check, at: &CheckPlace) -> CheckResult;
}

/// Where a check is run.
#[derive(Debug, Clone)]
pub struct CheckPlace {
    /// Where to connect.
    pub address: SocketAddr,
    /// The `Host` header; none: the address.
    pub host: Option<String>,
    /// For commands: the variables they get.
    pub env: BTreeMap<String, String>,
    /// For commands: the folder they run in.
    pub folder: Option<PathBuf>,
}

/// Keeps configurations sealed.
pub trait Vault: Send + Sync {
    /// Seals values for storage.
    fn seal(&self, release: &ReleaseId, configuration: &Configuration) -> Result<Vec<u8>, Problem>;

    /// Opens what [`Vault::seal`] made for this release.
    fn open(&self, release: &ReleaseId, sealed: &[u8]) -> Result<Configuration, Problem>;

    /// A keyed fingerprint of a value, hex: equal for equal values, and tells nothing else.
    fn fingerprint(&self, value: &str) -> String;
}

/// The time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Time that only goes forward, since some fixed moment.
    fn elapsed(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// Where the output of tasks is kept for people.
pub trait Logs: Send + Sync {
    /// Begins a log anew.
    ///
    /// # Errors
    /// `DISK_FULL`, or `STATE_UNUSABLE`.
    fn create(&self, path: &Path) -> Result<Box<dyn Log>, PortError>;
}

/// A log that is being written.
pub trait Log: Send + Sync {
    /// Adds to it. Without secrets.
    ///
    /// # Errors
    /// Those of [`Logs::create`].
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError>;
}

/// The place in a run's life that a [`Hooks`] is told about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Point {
    /// `deploy`, `rollback`, …
    pub run: &'static str,
    /// The step.
    pub step: String,
    /// `apply` or `undo`.
    pub action: &'static str,
    /// `before` the effect, `after` it but before it is recorded.
    pub when: &'static str,
}

/// Lets tests stop, fail or kill an engine at any point of any step.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Called at each point; an error is taken as the step's own.
    async fn reached(&self, point: &Point) -> Result<(), Problem>;
}

/// Hooks that do nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    async fn reached(&self, _: &Point) -> Result<(), Problem> {
        Ok(())
    }
}

/// The services of a release that get traffic, in order.
pub fn traffic_services(release: &Release) -> impl Iterator<Item = &Service> + Clone {
    release.services.iter().filter(|service| service.traffic.is_some())
}
