//! What an attempt that did not pass has left in the checkout is taken back before the next one: it neither helps nor hurts.
//!
//! How the files were is noted before a job's first attempt. What was not there is removed, and what the commit has is had from git
//! again. Paths that caches keep are left alone. Who has made a file nobody can tell; so where other jobs were under way at the
//! same time, only the job's own reports are taken back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bascule_instances::durable::{self, Access};
use serde::{Deserialize, Serialize};

use crate::checkout::{changed, git};
use crate::copy;
use crate::error::{PipelineError, file};
use crate::plan::{Plan, Stage};

/// So many paths are had from git with one call.
const AT_ONCE: usize = 200;

/// What tells a file from what it was: its kind, inode and length, and the times of its last changes. Of a folder its kind alone.
type Mark = (u32, u64, u64, i128, i128);

/// How files are, by their paths in the checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Marks(BTreeMap<String, Mark>);

/// What is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent<'a> {
    /// All that has changed.
    All,
    /// These files and no others.
    Only(&'a [String]),
}

/// A checkout, and where it is noted how its files were.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// The plan.
    pub(crate) plan: Plan,
    /// The commit's files.
    pub(crate) checkout: PathBuf,
    /// How they were when the checkout was made.
    pub(crate) made: PathBuf,
}

impl Files {
    /// Notes how a checkout is that was just made.
    pub(crate) fn note_made(&self) -> Result<(), PipelineError> {
        let mut marks = self.look()?;
        if self.plan.dirty {
            // Git has those of the commit, and not these.
            for path in changed(&self.checkout)? {
                marks.0.remove(path.to_string_lossy().as_ref());
            }
        }
        write(&self.made, &marks)
    }

    /// Notes how the files are before a job's first attempt.
    pub(crate) fn note(&self, at: &Path) -> Result<(), PipelineError> {
        write(at, &self.look()?)
    }

    /// Makes the files as they were when that was noted. Answers those that cannot be: an earlier job had made them, or they are of a
    /// folder that was taken as it stood, and the attempt has changed them.
    pub(crate) fn reset(&self, noted: &Path, extent: Extent<'_>) -> Result<Vec<String>, PipelineError> {
        let (before, mut made) = (read(noted)?, read(&self.made)?);
        let now = self.look()?;
        let is_meant = |path: &String| match extent {
            Extent::All => true,
            Extent::Only(paths) => paths.contains(path),
        };
        let kept = self.kept();
        let holds_kept = |path: &str| kept.iter().any(|kept| Path::new(kept).starts_with(path));
        for path in now.0.keys().filter(|path| !before.0.contains_key(*path) && is_meant(path)) {
            if !holds_kept(path) {
                self.remove(path)?;
            }
        }
        let changed = before.0.iter().filter(|(path, mark)| now.0.get(*path) != Some(mark) && is_meant(path));
        let (mut from_git, mut lost) = (Vec::new(), Vec::new());
        for (path, mark) in changed {
            if is_folder(mark) {
                // What has taken its place, a link to another folder for instance, is not gone through.
                self.remove(path)?;
                let folder = self.checkout.join(path);
                fs::create_dir_all(&folder).map_err(file("make", &folder))?;
            } else if made.0.get(path) == Some(mark) {
                self.remove(path)?;
                from_git.push(path.clone());
            } else {
                lost.push(path.clone());
            }
        }
        for some in from_git.chunks(AT_ONCE) {
            let paths: Vec<String> = some.iter().map(|path| format!(":(top,literal){path}")).collect();
            let mut words = vec!["--quiet", &self.plan.commit, "--"];
            words.extend(paths.iter().map(String::as_str));
            git(&self.checkout, "checkout", &words)?;
        }
        let after = self.look()?;
        for path in &from_git {
            if let Some(mark) = after.0.get(path) {
                made.0.insert(path.clone(), *mark);
            }
        }
        if !from_git.is_empty() {
            write(&self.made, &made)?;
        }
        if extent == Extent::All {
            write(noted, &after)?;
        }
        Ok(lost)
    }

    /// Removes what is there in the checkout itself: what a link on the way leads to is somebody else's.
    fn remove(&self, path: &str) -> Result<(), PipelineError> {
        let place = self.checkout.join(path);
        let is_folder = |above: &Path| fs::symlink_metadata(above).is_ok_and(|it| it.is_dir());
        let mut on_the_way = place.ancestors().skip(1).take_while(|above| *above != self.checkout);
        if !on_the_way.all(is_folder) {
            return Ok(());
        }
        copy::remove(&place).map_err(file("remove", &place))
    }

    /// What caches keep, by paths in the checkout.
    fn kept(&self) -> Vec<String> {
        let jobs = self.plan.stages.iter().flat_map(Stage::jobs);
        let paths = jobs.filter_map(|job| job.cache.as_ref()).flat_map(|cache| &cache.paths);
        paths.map(|path| format!("{}{path}", self.plan.prefix)).collect()
    }

    fn look(&self) -> Result<Marks, PipelineError> {
        let kept = self.kept();
        let mut marks = Marks::default();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let place = self.checkout.join(&folder);
            let entries = match fs::read_dir(&place) {
                Ok(entries) => entries,
                // Another job has removed it a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(file("read", &place)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(file("read", &place))?;
                // A name that is no text is left alone, whoever has made it.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if path == ".git" || kept.contains(&path) {
                    continue;
                }
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    folders.push(path.clone());
                }
                marks.0.insert(path, mark(&metadata));
            }
        }
        Ok(marks)
    }
}

fn mark(metadata: &fs::Metadata) -> Mark {
    let kind = metadata.mode() & libc::S_IFMT;
    if metadata.is_dir() {
        return (kind, 0, 0, 0, 0);
    }
    let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    (
        kind,
        metadata.ino(),
        metadata.len(),
        time(metadata.mtime(), metadata.mtime_nsec()),
        time(metadata.ctime(), metadata.ctime_nsec()),
    )
}

fn is_folder(mark: &Mark) -> bool {
    mark.0 == libc::S_IFDIR
}

fn write(path: &Path, marks: &Marks) -> Result<(), PipelineError> {
    let text = serde_json::to_vec(marks).map_err(|error| file("write", path)(error.into()))?;
    Ok(durable::atomic(path, &text, Access::Private)?)
}

fn read(path: &Path) -> Result<Marks, PipelineError> {
    let text = fs::read(path).map_err(file("read", path))?;
    serde_json::from_slice(&text).map_err(|error| file("read", path)(error.into()))
}
