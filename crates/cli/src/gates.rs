//! Gates over the reports of a pipeline: what was kept is read, and the pure part decides.

use std::fs;
use std::path::Path;

use bascule_gates::decide::{Asked, Kept, decide, decided_by};
use bascule_gates::diff::ChangedLines;
use bascule_gates::waiver;
use bascule_model::gate::{Decision, GateStatus, Report, Waiver};
use bascule_model::manifest::{Gates, Metric};
use bascule_model::plan::hex;
use bascule_model::problem::{Code, Problem};
use bascule_pipeline::runner::Judge;
use bascule_server::api::EnvironmentStatus;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::control_plane::ControlPlane;

/// What the changed lines are changed against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing is live: all lines are new.
    Nothing,
    /// The commit of the live release.
    Commit(String),
    /// Something is live, and nobody knows of which commit.
    Unknown,
}

impl Base {
    /// Whether any of the gates asks which lines were changed.
    pub fn is_needed(gates: &Gates) -> bool {
        gates.metrics.contains_key(&Metric::NewCoverage)
    }

    /// Asks what is live. `key` is `APP/ENVIRONMENT`.
    ///
    /// # Errors
    /// What the control plane says.
    pub async fn ask(control_plane: &ControlPlane<'_>, key: &str) -> Result<Self, Problem> {
        let all: Vec<EnvironmentStatus> = control_plane.get("/v1/environments").await?;
        let here = all.into_iter().find(|status| format!("{}/{}", status.app, status.environment) == key);
        Ok(match here.and_then(|status| status.live) {
            None => Self::Nothing,
            Some(live) => match live.provenance {
                Some(provenance) => Self::Commit(provenance.commit),
                None => Self::Unknown,
            },
        })
    }

    /// The lines changed since then up to a commit, or up to the files as they are; none where nobody knows.
    pub fn changed(&self, folder: &Path, commit: Option<&str>) -> Option<ChangedLines> {
        match self {
            Self::Nothing => Some(ChangedLines::All),
            Self::Commit(base) => {
                bascule_pipeline::diff(folder, base, commit).map(|diff| ChangedLines::read(&diff))
            }
            Self::Unknown => None,
        }
    }
}

/// Where reports and their surroundings are.
pub struct Place<'a> {
    /// The folder of the manifest, as the jobs saw it.
    pub project: &'a Path,
    /// The lines changed since the live release.
    pub changed: Option<ChangedLines>,
    /// The folder whose waivers count.
    pub waivers: &'a Path,
}

/// A report with its content; none: it was not written.
pub type Taken = (Report, Option<Vec<u8>>);

/// Reads what is kept of reports. `folder` is what `Report::file` is relative to.
///
/// # Errors
/// `STATE_UNUSABLE` when a report is not what was kept.
pub fn take(folder: &Path, reports: Vec<Report>) -> Result<Vec<Taken>, Problem> {
    let with_content = |report: Report| content(folder, &report).map(|bytes| (report, bytes));
    reports.into_iter().map(with_content).collect()
}

/// Decides all of the gates over these reports.
pub fn judge(gates: &Gates, reports: &[Taken], place: &Place<'_>, now: Timestamp) -> Vec<Decision> {
    let kept: Vec<Kept<'_>> =
        reports.iter().map(|(report, bytes)| Kept { report, bytes: bytes.as_deref() }).collect();
    let (waivers, trouble) = waivers(place.waivers, gates, now);
    let root = place.project.to_string_lossy();
    let asked = Asked { now, root: &root, changed: place.changed.as_ref(), waivers: &waivers };
    let mut decisions = decide(gates, &kept, &asked);
    decisions.extend(trouble);
    decisions
}

/// What is kept of a report; none: it was not written.
fn content(folder: &Path, report: &Report) -> Result<Option<Vec<u8>>, Problem> {
    let (Some(file), Some(digest)) = (&report.file, &report.digest) else { return Ok(None) };
    let path = folder.join(file);
    let changed = |why: &str| {
        let message = format!("the report {} of {}/{} {why}", report.path, report.stage, report.job);
        Problem::new(Code::StateUnusable, message, "run the stage again, so that it is taken anew")
    };
    let bytes = fs::read(&path).map_err(|error| changed(&format!("cannot be read: {error}")))?;
    if hex(&Sha256::digest(&bytes)) == *digest {
        Ok(Some(bytes))
    } else {
        Err(changed("is not what was kept: somebody has changed it"))
    }
}

/// The waivers that count today; what is wrong with them is a decision of its own, which is in the way.
fn waivers(folder: &Path, gates: &Gates, now: Timestamp) -> (Vec<Waiver>, Option<Decision>) {
    let Ok(text) = fs::read_to_string(folder.join(waiver::FILE)) else { return (Vec::new(), None) };
    let today = TimeZone::UTC.to_datetime(now).date();
    let read = waiver::read(&text, today).and_then(|waivers| {
        let is_known = |name: &str| {
            gates.custom.contains_key(name) || Metric::ALL.iter().any(|metric| metric.as_str() == name)
        };
        match waivers.iter().find(|waiver| !is_known(&waiver.gate)) {
            Some(unknown) => Err(format!("there is no gate {}", unknown.gate)),
            None => Ok(waivers),
        }
    });
    match read {
        Ok(waivers) => (waivers, None),
        Err(why) => (
            Vec::new(),
            Some(Decision {
                gate: "waivers".to_owned(),
                status: GateStatus::NoData,
                required: true,
                condition: format!("{} can be read", waiver::FILE),
                value: None,
                why: format!("{}: {why}", waiver::FILE),
                remedy: Some("mend the file, or take the waiver out".to_owned()),
                evidence: Vec::new(),
                waiver: None,
            }),
        ),
    }
}

/// Decides at the end of a stage what its reports decide.
pub struct Judging<'a> {
    /// The gates of the environment that is shipped to.
    pub gates: &'a Gates,
    /// The folder of the manifest in the checkout.
    pub project: &'a Path,
    /// What the changed lines are changed against.
    pub base: Base,
    /// The commit; none: the files as they are.
    pub commit: Option<&'a str>,
    /// The wall clock.
    pub now: &'a dyn Fn() -> Timestamp,
}

impl Judge for Judging<'_> {
    fn judge(&self, folder: &Path, stage: &str, reports: &[Report]) -> Vec<Decision> {
        let gates = decided_by(self.gates, reports);
        if gates.is_empty() {
            return Vec::new();
        }
        let changed = self.base.changed(self.project, self.commit);
        let place = Place { project: self.project, changed, waivers: self.project };
        match take(folder, reports.to_vec()) {
            Ok(reports) => judge(&gates, &reports, &place, (self.now)()),
            Err(problem) => vec![Decision {
                gate: "reports".to_owned(),
                status: GateStatus::NoData,
                required: true,
                condition: format!("the reports of {stage} are as they were kept"),
                value: None,
                why: problem.message,
                remedy: Some(problem.remedy),
                evidence: Vec::new(),
                waiver: None,
            }],
        }
    }
}
