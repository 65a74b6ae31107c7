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
    /// 4: refused before anything was touched.
    Refused,
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
            Self::Refused => 4,
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
