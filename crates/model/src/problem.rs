//! What went wrong, for a person: a stable code, one sentence, one remedy. CLI, API and reports show the same three.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $exit:ident;)*) => {
        /// The stable codes. A code never changes its meaning; new ones are added at the end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it is printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// How a command ends that was refused for this reason.
            #[must_use]
            pub fn exit(self) -> Exit {
                match self {
                    $(Self::$name => Exit::$exit,)*
                }
            }
        }
    };
}

codes! {
    /// The command line asks for something that does not exist or does not fit.
    Usage = "USAGE", Usage;
    /// The manifest could not be read from disk.
    ManifestUnreadable = "MANIFEST_UNREADABLE", Usage;
    /// The manifest has mistakes; each has a code of its own in the diagnostics.
    ManifestInvalid = "MANIFEST_INVALID", Usage;
    /// What `files` names is not there or cannot be taken.
    ArtifactMissing = "ARTIFACT_MISSING", Refused;
    /// An artifact in the store is not what its digest says.
    ArtifactChanged = "ARTIFACT_CHANGED", Refused;
    /// The build command ended with an error.
    BuildFailed = "BUILD_FAILED", Refused;
    /// The environment has no such release.
    ReleaseUnknown = "RELEASE_UNKNOWN", Usage;
    /// There is no former release that settled.
    NothingToRollBackTo = "NOTHING_TO_ROLL_BACK_TO", Refused;
    /// The environment runs nothing.
    NothingLive = "NOTHING_LIVE", Refused;
    /// There is no such run.
    RunUnknown = "RUN_UNKNOWN", Usage;
    /// The run is not in a state in which that can be done.
    RunNotThere = "RUN_NOT_THERE", Refused;
    /// Another run has the environment.
    LeaseHeld = "LEASE_HELD", Stale;
    /// The lease was lost to another engine.
    LeaseLost = "LEASE_LOST", Stale;
    /// The world is not as it was when the plan was made.
    PlanStale = "PLAN_STALE", Stale;
    /// The address that users' traffic comes to is taken by another program.
    PortInUse = "PORT_IN_USE", Refused;
    /// The program of an instance could not be started.
    InstanceStartFailed = "INSTANCE_START_FAILED", RolledBack;
    /// A task of the deploy ended with another status than 0, or not in its time.
    TaskFailed = "TASK_FAILED", RolledBack;
    /// An instance ended again and again while it started.
    InstanceCrashLoop = "INSTANCE_CRASH_LOOP", RolledBack;
    /// Not every instance got ready before the deadline.
    InstanceNotReady = "INSTANCE_NOT_READY", RolledBack;
    /// A check before the switch failed.
    VerifyFailed = "VERIFY_FAILED", RolledBack;
    /// A check through the users' door failed after the switch.
    VerifyLiveFailed = "VERIFY_LIVE_FAILED", RolledBack;
    /// The bake saw too many errors.
    BakeErrors = "BAKE_ERRORS", RolledBack;
    /// The bake saw answers that came too late.
    BakeLatency = "BAKE_LATENCY", RolledBack;
    /// An instance of the new release ended or restarted during the bake.
    BakeRestarts = "BAKE_RESTARTS", RolledBack;
    /// The bake had too little traffic, and the policy says that this is a failure.
    BakeNoData = "BAKE_NO_DATA", RolledBack;
    /// Somebody asked for the run to end.
    Aborted = "ABORTED", RolledBack;
    /// A run could not be undone; a person must decide.
    Stuck = "STUCK", Stuck;
    /// The edge does not answer.
    EdgeUnavailable = "EDGE_UNAVAILABLE", Temporary;
    /// The edge refused what it was asked to do.
    EdgeRefused = "EDGE_REFUSED", RolledBack;
    /// The control plane could not be reached or started.
    ControlPlaneUnavailable = "CONTROL_PLANE_UNAVAILABLE", Temporary;
    /// The state folder cannot be used.
    StateUnusable = "STATE_UNUSABLE", Temporary;
    /// The journal is damaged or was written by a newer version.
    JournalCorrupt = "JOURNAL_CORRUPT", Stuck;
    /// The journal cannot be written.
    JournalUnavailable = "JOURNAL_UNAVAILABLE", Temporary;
    /// There is no room on the disk.
    DiskFull = "DISK_FULL", Temporary;
    /// A sealed configuration cannot be opened with this state folder's key.
    ConfigurationUnreadable = "CONFIGURATION_UNREADABLE", RolledBack;
    /// A request was lost while the demo ran.
    RequestsLost = "REQUESTS_LOST", RolledBack;
    /// Something that should not happen; the message says what was being done.
    Internal = "INTERNAL", Temporary;
    /// The container engine does not answer.
    ContainerEngineUnavailable = "CONTAINER_ENGINE_UNAVAILABLE", Temporary;
    /// The container engine is too old, or lacks what is asked of it.
    ContainerEngineUnfit = "CONTAINER_ENGINE_UNFIT", Refused;
    /// The container engine refused a request; the message has its words.
    ContainerEngineRefused = "CONTAINER_ENGINE_REFUSED", RolledBack;
    /// A name that Bascule needs belongs to a container, network or image that it did not make.
    NameTaken = "NAME_TAKEN", Refused;
    /// The image cannot be had, or is not what its digest says.
    ImageUnavailable = "IMAGE_UNAVAILABLE", Refused;
    /// The registry refused, or does not answer.
    RegistryRefused = "REGISTRY_REFUSED", Refused;
    /// The image would run as root, and the manifest does not allow it.
    RootRefused = "ROOT_REFUSED", Refused;
    /// The database does not answer, or does not let us in.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE", Temporary;
    /// The database is too old, cannot be written, or is reached through a pooler that shares sessions.
    DatabaseUnfit = "DATABASE_UNFIT", Refused;
    /// A permission is missing in the database.
    DatabaseForbidden = "DATABASE_FORBIDDEN", Refused;
    /// The migration files cannot be read as they are.
    MigrationsUnreadable = "MIGRATIONS_UNREADABLE", Usage;
    /// Files and the database's journal do not agree.
    MigrationsDiffer = "MIGRATIONS_DIFFER", Refused;
    /// A statement of a migration failed.
    MigrationFailed = "MIGRATION_FAILED", RolledBack;
    /// A rule says that a migration would hurt.
    MigrationLint = "MIGRATION_LINT", Refused;
    /// The rehearsal on a copy failed, or a query of a release would break.
    RehearsalFailed = "REHEARSAL_FAILED", Refused;
    /// Another runner has the database.
    DatabaseLeaseHeld = "DATABASE_LEASE_HELD", Stale;
    /// A lock in the database could not be had.
    DatabaseLocked = "DATABASE_LOCKED", Temporary;
    /// The live release suffered from the changed schema.
    SchemaHarms = "SCHEMA_HARMS", RolledBack;
    /// The schema no longer bears that release.
    SchemaRefuses = "SCHEMA_REFUSES", Refused;
    /// A migration has no way back, or one that does not restore.
    MigrationIrreversible = "MIGRATION_IRREVERSIBLE", Refused;
    /// A backup could not be made, read or verified.
    BackupFailed = "BACKUP_FAILED", Refused;
    /// There is no verified backup that is young enough.
    BackupTooOld = "BACKUP_TOO_OLD", Refused;
    /// What a contract dropped is gone for good, so that the contract cannot be taken back.
    ContractFinal = "CONTRACT_FINAL", Refused;
    /// `pooled_url` leads to another database than `url`.
    DatabaseDiffers = "DATABASE_DIFFERS", Refused;
    /// A program of the database's server is not installed, or too old.
    DatabaseToolMissing = "DATABASE_TOOL_MISSING", Refused;
    /// A database for a rehearsal, or to read a backup into, cannot be made or used.
    ShadowUnusable = "SHADOW_UNUSABLE", Refused;
    /// A query of a release would break on the changed schema.
    QueryBreaks = "QUERY_BREAKS", Refused;
    /// The place where backups are kept cannot be reached, or refuses.
    BackupPlaceUnusable = "BACKUP_PLACE_UNUSABLE", Temporary;
    /// The key of the backups is missing or is none.
    BackupKey = "BACKUP_KEY", Refused;
    /// A backup is damaged or cut off, or the key is another than it was made with.
    BackupDamaged = "BACKUP_DAMAGED", Refused;
    /// What was read back from a backup is not what was taken.
    BackupDiffers = "BACKUP_DIFFERS", Refused;
    /// There is no such backup.
    BackupUnknown = "BACKUP_UNKNOWN", Usage;
    /// What a restore would replace has tables or is in use.
    RestoreRefused = "RESTORE_REFUSED", Refused;
    /// The key of the secrets is missing, is another one, or can be read by others.
    SecretKey = "SECRET_KEY", Refused;
    /// The file of the secrets cannot be read, or was changed by other means.
    SecretStore = "SECRET_STORE", Refused;
    /// A secret cannot be had from where the manifest says.
    SecretUnavailable = "SECRET_UNAVAILABLE", Refused;
    /// Secrets stand in files in clear.
    SecretsFound = "SECRETS_FOUND", Refused;
    /// The manifest has no pipeline or not that part of one, or there is no such run of one.
    PipelineUnknown = "PIPELINE_UNKNOWN", Usage;
    /// The log of a pipeline's run was changed by other means.
    PipelineDamaged = "PIPELINE_DAMAGED", Stuck;
    /// There is no such commit.
    CommitUnknown = "COMMIT_UNKNOWN", Usage;
    /// The commit's files cannot be had.
    CheckoutFailed = "CHECKOUT_FAILED", Refused;
    /// A job of a pipeline did not pass.
    JobFailed = "JOB_FAILED", Refused;
    /// A job passed and did not write a report that it is to write.
    ReportMissing = "REPORT_MISSING", Refused;
    /// A gate keeps a stage from passing.
    GateRefused = "GATE_REFUSED", Refused;
    /// Nothing is live and settled in the environment that artifacts are taken from.
    NothingToPromote = "NOTHING_TO_PROMOTE", Refused;
    /// The environment takes only what settled in another one, and this is something else.
    PromotionRefused = "PROMOTION_REFUSED", NotAllowed;
    /// The migrations in the folder are not those that the promoted release runs on.
    PromotionMigrations = "PROMOTION_MIGRATIONS", Refused;
    /// Nothing is deployed to the environment at this time.
    Frozen = "FROZEN", NotAllowed;
    /// The environment takes only what is in a commit.
    DirtyRefused = "DIRTY_REFUSED", NotAllowed;
    /// An item of the checklist does not pass.
    ChecklistFailed = "CHECKLIST_FAILED", Refused;
    /// Others have to approve of the plan.
    ApprovalNeeded = "APPROVAL_NEEDED", ApprovalNeeded;
    /// That user may not approve of the plan, or the plan is none that waits.
    ApprovalRefused = "APPROVAL_REFUSED", NotAllowed;
    /// A rehearsal lost requests, or is not what its runs say.
    RehearsalRefused = "REHEARSAL_REFUSED", Refused;
    /// There is no way to the cluster, or its API server does not answer.
    ClusterUnavailable = "CLUSTER_UNAVAILABLE", Temporary;
    /// The cluster refused a request; the message has its words.
    ClusterRefused = "CLUSTER_REFUSED", RolledBack;
    /// The account at the cluster may not do what is needed.
    ClusterForbidden = "CLUSTER_FORBIDDEN", Refused;
    /// A quota leaves no room for a second release beside the first.
    ClusterNoRoom = "CLUSTER_NO_ROOM", Refused;
    /// The API server would not take an object of the release; the message has its words.
    ClusterWouldRefuse = "CLUSTER_WOULD_REFUSE", Refused;
    /// Somebody else wrote to what says who gets the traffic.
    TrafficTaken = "TRAFFIC_TAKEN", RolledBack;
    /// It was not seen that users reach the new release, and only that.
    SwitchNotProven = "SWITCH_NOT_PROVEN", RolledBack;
    /// The environment's instances are on another machine, whose control plane acts for it.
    EnvironmentElsewhere = "ENVIRONMENT_ELSEWHERE", Refused;
    /// What is kept in a cluster of an environment's last run is missing, too old, too large or damaged.
    MirrorUnusable = "MIRROR_UNUSABLE", Refused;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A code of a newer version is still an error to show: it must not make a report unreadable.
        Ok(Self::ALL.iter().copied().find(|code| code.as_str() == text).unwrap_or(Self::Internal))
    }
}

/// How a command ends. The numbers are documented and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: live, or done.
    Done,
    /// 2: the command line or the manifest is wrong.
    Usage,
    /// 3: the environment's policy does not allow it.
    NotAllowed,
    /// 4: refused before anything was touched.
    Refused,
    /// 5: others have to approve of it first.
    ApprovalNeeded,
    /// 6: the plan is stale, or another run has the environment.
    Stale,
    /// 7: failed, and the former release has the traffic.
    RolledBack,
    /// 8: a person must decide.
    Stuck,
    /// 75: try again later.
    Temporary,
}

impl Exit {
    /// The process's exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::NotAllowed => 3,
            Self::Refused => 4,
            Self::ApprovalNeeded => 5,
            Self::Stale => 6,
            Self::RolledBack => 7,
            Self::Stuck => 8,
            Self::Temporary => 75,
        }
    }
}

/// One thing that went wrong. Never holds a secret value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// What was being done and what happened, one sentence (more lines may follow: log lines).
    pub message: String,
    /// What to do now; a command in it works as written.
    pub remedy: String,
}

impl Problem {
    /// Builds one.
    pub fn new(code: Code, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: remedy.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_survive_json() {
        for (i, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[i + 1..].iter().all(|other| other.as_str() != code.as_str()));
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
        }
    }
}
