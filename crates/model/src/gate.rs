//! Gates: which reports a pipeline kept, and what was decided over them.
//!
//! A decision that rests on nothing is a status of its own, and never a pass.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a report tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportKind {
    /// Which lines tests went through.
    Coverage,
    /// Which tests passed.
    Tests,
    /// What scanners found.
    Security,
    /// How an app did under load.
    Load,
    /// What a gate of the project's own reads.
    Custom,
}

impl ReportKind {
    /// The kind as the manifest writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coverage => "coverage",
            Self::Tests => "tests",
            Self::Security => "security",
            Self::Load => "load",
            Self::Custom => "custom",
        }
    }
}

/// A report that a job was to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it tells of.
    pub kind: ReportKind,
    /// The stage of its job.
    pub stage: String,
    /// The job that was to write it.
    pub job: String,
    /// Its path in the checkout, as the manifest says.
    pub path: String,
    /// Where it is kept, relative to the folder of the pipeline's run; none: it was not written.
    pub file: Option<String>,
    /// SHA-256 of what is kept, hex; none: it was not written.
    pub digest: Option<String>,
    /// Bytes of what is kept.
    pub bytes: u64,
    /// When it was taken.
    pub taken_at: Timestamp,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateStatus {
    /// Its condition was seen to hold.
    Pass,
    /// Its condition was seen not to hold.
    Fail,
    /// Nothing, too little, or something unreadable was seen.
    NoData,
    /// What was seen is too old, or of another commit.
    Stale,
    /// It does not pass, and somebody answers for that until a date.
    Waived,
}

impl GateStatus {
    /// The status as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoData => "no-data",
            Self::Stale => "stale",
            Self::Waived => "waived",
        }
    }
}

/// A report that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Stage, job and path, `testing/unit: lcov.info`.
    pub source: String,
    /// SHA-256, hex; none: it was not there.
    pub digest: Option<String>,
    /// How old it was when it was decided, in seconds.
    pub age_s: u64,
}

/// Who answers for a gate that does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The gate.
    pub gate: String,
    /// Why it may be passed.
    pub reason: String,
    /// Who says so.
    pub who: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub until: String,
}

/// What was decided of one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its name.
    pub gate: String,
    /// What it says.
    pub status: GateStatus,
    /// Whether nothing passes without it.
    pub required: bool,
    /// Its condition, as it is written.
    pub condition: String,
    /// What was seen, exactly and in words: `79.99% (7,999 of 10,000 lines)`; none: nothing was.
    pub value: Option<String>,
    /// Why, in one sentence.
    pub why: String,
    /// What would make it pass; none where it does.
    pub remedy: Option<String>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Who answers for it, where it is waived.
    pub waiver: Option<Waiver>,
}

impl Decision {
    /// Whether nothing may go on because of it.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.required && !matches!(self.status, GateStatus::Pass | GateStatus::Waived)
    }
}

/// Where the contents of a release come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The commit, hex.
    pub commit: String,
    /// Whether files were there that are not in the commit, or not as in it.
    pub dirty: bool,
    /// The pipeline's run that made it; none: it was deployed by hand.
    pub pipeline: Option<String>,
}

/// What a pipeline's run has come to: `record.json` in its folder, `pipelines/RUN` of the state folder. It is replaced as a whole
/// after each stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineRecord {
    /// The run.
    pub run: String,
    /// The app.
    pub app: String,
    /// The commit, hex.
    pub commit: String,
    /// Whether it is a folder as it stood, and not the commit alone.
    pub dirty: bool,
    /// The artifact that it made, as `Release::artifact`; none: not yet.
    pub artifact: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; none: it goes on.
    pub ended_at: Option<Timestamp>,
    /// Whether everything that was asked for passed; none: it goes on.
    pub passed: Option<bool>,
    /// The reports of all jobs, those that are missing too.
    pub reports: Vec<Report>,
    /// What was decided, the last decision of each gate.
    pub decisions: Vec<Decision>,
}
