//! What a run would do, as data: written down, hashed and shown before anything is done.

mod objects;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::gate::Provenance;
use crate::ids::{EnvironmentKey, EnvironmentName, ReleaseId, ServiceName, Slot};
use crate::release::Task;
use crate::schema::SchemaPlan;

pub use self::objects::{FieldChange, ObjectChange};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Bring a new release live.
    Deploy,
    /// Bring a former release live again.
    Rollback,
    /// Stop a standby release whose window is over.
    Retire,
    /// Take out of the database what no release needs any more.
    Contract,
    /// Take back what a release that was rolled back from did to the database.
    Revert,
    /// Bring back what contracts dropped softly.
    Undrop,
    /// Stop everything of an environment.
    Down,
}

impl RunKind {
    /// The kind as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Retire => "retire",
            Self::Contract => "contract",
            Self::Revert => "revert",
            Self::Undrop => "undrop",
            Self::Down => "down",
        }
    }
}

/// How users come to a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By one write, once all of it stands beside the former one.
    #[default]
    Switch,
    /// Instance by instance, as those of the former one go.
    Roll,
}

impl Way {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A release and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The release.
    pub release: ReleaseId,
    /// Its place.
    pub slot: Slot,
}

/// How a configuration key differs from the live release's. Values are never part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Not there before.
    Added,
    /// Another value than before.
    Changed,
    /// No longer there.
    Removed,
    /// As before.
    Same,
}

/// One configuration key of a service, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The service that gets it.
    pub service: ServiceName,
    /// The variable's name.
    pub key: String,
    /// How it differs.
    pub change: Change,
}

/// What becomes of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceChange {
    /// The service.
    pub service: ServiceName,
    /// Instances in the live release; null where the service is new.
    pub from: Option<u32>,
    /// Instances in the new one; null where the service goes.
    pub to: Option<u32>,
}

/// What becomes of the artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum ArtifactPlan {
    /// Built by a command when the run starts, from sources with this fingerprint.
    Build {
        /// The command line.
        command: String,
        /// SHA-256 over paths, modes and contents of the sources, hex.
        source: String,
    },
    /// The files as they are on disk now.
    Files {
        /// Their digest.
        digest: String,
    },
    /// An image that is there already, by the digest that its name had when the plan was made.
    Image {
        /// The name in the manifest.
        reference: String,
        /// As [`crate::release::Release::artifact`].
        digest: String,
    },
    /// One that is in the store already.
    Store {
        /// Its digest.
        digest: String,
    },
    /// None is needed.
    None,
}

impl ArtifactPlan {
    /// What tells this artifact from another one: the fingerprint of its sources, or its digest.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        match self {
            Self::Build { source, .. } => source,
            Self::Files { digest } | Self::Image { digest, .. } | Self::Store { digest } => digest,
            Self::None => "",
        }
    }

    /// Its digest, where it is there already.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Files { digest } | Self::Image { digest, .. } | Self::Store { digest } => Some(digest),
            Self::Build { .. } | Self::None => None,
        }
    }
}

/// A release of another environment whose artifact is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// Where it settled.
    pub environment: EnvironmentName,
    /// As which release.
    pub release: ReleaseId,
}

/// One step, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name in the registry.
    pub name: String,
    /// What it would do.
    pub says: String,
}

/// Everything that a run will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What for.
    pub kind: RunKind,
    /// Where.
    pub key: EnvironmentKey,
    /// The release that is to be live afterwards; for a retire the one that goes; null for `down`.
    pub release: Option<ReleaseId>,
    /// The place it takes (for a retire: stands in).
    pub slot: Slot,
    /// What is live when the plan is made.
    pub live: Option<Standing>,
    /// What stands in the other slot when the plan is made.
    pub standby: Option<Standing>,
    /// How users come to the release.
    #[serde(default, skip_serializing_if = "Way::is_usual")]
    pub way: Way,
    /// Hash of the release's contents (services, artifact, configuration by keyed fingerprint), hex.
    pub content: String,
    /// What becomes of the artifact.
    pub artifact: ArtifactPlan,
    /// The environment that it was taken from; null where it was not promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Promoted>,
    /// The commit that it is made of; null where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Services and their counts.
    pub services: Vec<ServiceChange>,
    /// Configuration, by name.
    pub configuration: Vec<KeyChange>,
    /// What is run once on the way, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// What becomes of the database; null where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaPlan>,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// What the reader should know: limits that cannot be had, a rollback that will be cold, …
    pub notes: Vec<String>,
}

impl Plan {
    /// SHA-256 of the plan's canonical JSON, hex: the same world and the same wish give the same hash.
    #[must_use]
    pub fn hash(&self) -> String {
        // Field order is fixed by the struct and there are no maps in it, so serde's output is canonical.
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(json))
    }

    /// Whether it gives the traffic back to what stands by, and does nothing else to the world.
    #[must_use]
    pub fn is_the_switch_alone(&self) -> bool {
        let is_one = |step: &PlannedStep| ["lease", "switch", "settle"].contains(&step.name.as_str());
        self.kind == RunKind::Rollback && self.steps.iter().all(is_one)
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
