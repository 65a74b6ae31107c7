//! The reports of a job: taken when it has ended, without secrets, bounded, with what they are the evidence of.
//!
//! A file that was there before and that the job has not written is not its report.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bascule_instances::durable::{self, Access};
use bascule_model::gate::{Report, ReportKind};
use bascule_model::plan::hex;
use bascule_secrets::redact::Redactor;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::error::{PipelineError, file};
use crate::folder::RunFolder;
use crate::plan::Job;

/// A longer report is not kept, in bytes.
const LONGEST: u64 = 64 << 20;

/// How files were before a job began: device, inode, length, and the times of their last changes.
pub(crate) type Before = BTreeMap<String, (u64, u64, u64, i128, i128)>;

/// Notes how the files are that the job is to write.
pub(crate) fn before(project: &Path, job: &Job) -> Before {
    job.reports.iter().filter_map(|(_, path)| Some((path.clone(), mark(&project.join(path))?))).collect()
}

fn mark(path: &Path) -> Option<(u64, u64, u64, i128, i128)> {
    let metadata = fs::metadata(path).ok()?;
    let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        time(metadata.mtime(), metadata.mtime_nsec()),
        time(metadata.ctime(), metadata.ctime_nsec()),
    ))
}

/// Where reports are taken, and from whom.
pub(crate) struct Taking<'a> {
    pub(crate) folder: &'a RunFolder,
    pub(crate) project: &'a Path,
    pub(crate) stage: &'a str,
    pub(crate) job: &'a Job,
    pub(crate) before: &'a Before,
    pub(crate) redactor: &'a Redactor,
    pub(crate) now: Timestamp,
}

/// Takes them all. Those that are missing are in the answer as well.
pub(crate) fn take(taking: &Taking<'_>) -> Result<Vec<Report>, PipelineError> {
    let under = RunFolder::reports_of(taking.stage, &taking.job.name);
    let mut taken = Vec::new();
    for (at, (kind, path)) in taking.job.reports.iter().enumerate() {
        let mut report = missing(taking, *kind, path);
        if let Some(contents) = written(&taking.project.join(path), taking.before.get(path))? {
            let contents = taking.redactor.bytes(&contents);
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            let kept = format!("{under}/{at}-{name}");
            let to = taking.folder.path().join(&kept);
            durable::make_folder(to.parent().unwrap_or(taking.folder.path()))?;
            durable::durable(&to, &contents, Access::Private)?;
            report.file = Some(kept);
            report.digest = Some(hex(&Sha256::digest(&contents)));
            report.bytes = contents.len() as u64;
        }
        taken.push(report);
    }
    Ok(taken)
}

fn missing(taking: &Taking<'_>, kind: ReportKind, path: &str) -> Report {
    Report {
        kind,
        stage: taking.stage.to_owned(),
        job: taking.job.name.clone(),
        path: path.to_owned(),
        file: None,
        digest: None,
        bytes: 0,
        taken_at: taking.now,
    }
}

/// The contents of a file that the job has written.
fn written(
    path: &Path,
    before: Option<&(u64, u64, u64, i128, i128)>,
) -> Result<Option<Vec<u8>>, PipelineError> {
    // A pipe would be waited for.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LONGEST);
    if !is_file || mark(path).as_ref() == before {
        return Ok(None);
    }
    let mut contents = Vec::new();
    let opened = File::open(path).map_err(file("read", path))?;
    opened.take(LONGEST + 1).read_to_end(&mut contents).map_err(file("read", path))?;
    Ok((contents.len() as u64 <= LONGEST).then_some(contents))
}
