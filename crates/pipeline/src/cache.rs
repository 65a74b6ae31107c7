//! What jobs need not do again: results of jobs that passed, by everything that they depend on, and folders that they keep.
//!
//! Entries are whole or not there. The store is bounded; the oldest go first. Runs may use it at the same time.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use bascule_instances::durable::{self, Access};
use bascule_model::gate::Report;
use bascule_model::plan::hex;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::copy;
use crate::error::{PipelineError, file};
use crate::folder::slug;
use crate::glob;
use crate::plan::{Cache, Job};

/// The bytes of all entries together.
const BOUND: u64 = 2 << 30;
/// What was not finished after this will not be.
const LEFT: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Everything that a job's result depends on, by parts that can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Its lines, needs and reports.
    pub command: String,
    /// Its environment, by name: a hash of each value.
    pub env: BTreeMap<String, String>,
    /// The files that it depends on, by path: what tells their contents.
    pub files: BTreeMap<String, String>,
    /// Its tools, by line: what they answered.
    pub tools: BTreeMap<String, String>,
}

impl Inputs {
    /// Of a job with this environment over these files; `tools` answered that.
    #[must_use]
    pub fn of(
        job: &Job,
        env: &BTreeMap<String, String>,
        files: &BTreeMap<String, String>,
        tools: BTreeMap<String, String>,
    ) -> Self {
        let is_input = |path: &str| {
            job.inputs.is_empty() || job.inputs.iter().any(|pattern| glob::matches(pattern, path))
        };
        let secrets = job.secrets.join(" ");
        let mut command = format!("{:?} {:?} {secrets}", job.run, job.reports);
        if let Some(cache) = &job.cache {
            command.push_str(&format!(" {:?}", cache.paths));
        }
        Self {
            command: hash(command.as_bytes()),
            env: env.iter().map(|(name, value)| (name.clone(), hash(value.as_bytes()))).collect(),
            files: files
                .iter()
                .filter(|(path, _)| is_input(path))
                .map(|(path, what)| (path.clone(), what.clone()))
                .collect(),
            tools,
        }
    }

    /// The key of the result.
    #[must_use]
    pub fn key(&self) -> String {
        hash(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// Why this is not the same as what was there before; none: it is the same.
    #[must_use]
    pub fn differs(&self, before: &Self) -> Option<String> {
        if self.command != before.command {
            return Some("its command changed".to_owned());
        }
        let changed = |now: &BTreeMap<String, String>, then: &BTreeMap<String, String>| {
            let names = now.keys().chain(then.keys());
            names.filter(|name| now.get(*name) != then.get(*name)).min().cloned()
        };
        if let Some(path) = changed(&self.files, &before.files) {
            return Some(format!("{path} changed"));
        }
        if let Some(name) = changed(&self.env, &before.env) {
            return Some(format!("the variable {name} changed"));
        }
        changed(&self.tools, &before.tools).map(|line| format!("`{line}` answers something else"))
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The result of a job that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    run: String,
    inputs: Inputs,
    reports: Vec<Report>,
    kept: Option<String>,
}

/// What is known of a job before it is run.
#[derive(Debug)]
pub(crate) enum Found {
    /// It passed in that run with the same inputs; these are its reports.
    Hit { run: String, reports: Vec<Report> },
    /// It has to be run, and why.
    Miss(String),
}

/// The store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
    bound: u64,
}

/// What a job that passed leaves.
pub(crate) struct Passed<'a> {
    pub(crate) run: &'a str,
    pub(crate) inputs: &'a Inputs,
    pub(crate) cache: &'a Cache,
    pub(crate) project: &'a Path,
    pub(crate) run_folder: &'a Path,
    pub(crate) reports: &'a [Report],
}

/// Whose entries.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// The app.
    pub(crate) app: String,
    /// The stage.
    pub(crate) stage: String,
    /// The job.
    pub(crate) job: String,
}

impl Store {
    /// The store in that folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), bound: BOUND }
    }

    /// Looks a result up; where there is one, its reports are in `reports` and its paths in `project` afterwards.
    pub(crate) fn look(
        &self,
        owner: &Owner,
        inputs: &Inputs,
        cache: &Cache,
        project: &Path,
        run_folder: &Path,
    ) -> Result<Found, PipelineError> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        let place = self.result(owner, &inputs.key());
        let Some(entry) = read(&place.join("entry.json"))? else {
            return Ok(Found::Miss(self.why(owner, inputs)?));
        };
        if !cache.paths.is_empty() {
            let there = entry.kept.as_ref().map(|key| self.kept(owner, key)).filter(|kept| kept.is_dir());
            let Some(kept) = there else { return Ok(Found::Miss("what it keeps was evicted".to_owned())) };
            put_back(&kept, cache, project)?;
            touch(&kept);
        }
        for report in &entry.reports {
            let Some(kept) = &report.file else { continue };
            let (from, to) = (place.join(kept), run_folder.join(kept));
            copy::remove(&to).map_err(file("remove", &to))?;
            copy::copy(&from, &to).map_err(file("copy", &from))?;
        }
        touch(&place);
        Ok(Found::Hit { run: entry.run, reports: entry.reports })
    }

    /// Puts back what a job keeps, where its key files are as they were then. Answers whether there was something.
    pub(crate) fn restore(
        &self,
        owner: &Owner,
        cache: &Cache,
        project: &Path,
    ) -> Result<bool, PipelineError> {
        if cache.paths.is_empty() || cache.key.is_empty() {
            return Ok(false);
        }
        let _lock = self.lock(FlockOperation::LockShared)?;
        let kept = self.kept(owner, &paths_key(cache, project));
        if !kept.is_dir() {
            return Ok(false);
        }
        put_back(&kept, cache, project)?;
        touch(&kept);
        Ok(true)
    }

    /// Keeps the result of a job that passed.
    pub(crate) fn keep(&self, owner: &Owner, result: &Passed<'_>) -> Result<(), PipelineError> {
        let Passed { run, inputs, cache, project, run_folder, reports } = result;
        {
            let _lock = self.lock(FlockOperation::LockShared)?;
            let mut kept = None;
            if !cache.paths.is_empty() {
                // Without key files nothing but the very result fits.
                let key = if cache.key.is_empty() { inputs.key() } else { paths_key(cache, project) };
                let place = self.kept(owner, &key);
                self.put(run, &place, |aside| {
                    for path in &cache.paths {
                        let from = project.join(path);
                        if fs::symlink_metadata(&from).is_ok() {
                            copy::copy(&from, &aside.join(path))?;
                        }
                    }
                    Ok(())
                })?;
                kept = Some(key);
            }
            let entry =
                Entry { run: (*run).to_owned(), inputs: (*inputs).clone(), reports: reports.to_vec(), kept };
            let text =
                serde_json::to_vec(&entry).map_err(|error| file("write", &self.folder)(error.into()))?;
            self.put(run, &self.result(owner, &inputs.key()), |aside| {
                for kept in reports.iter().filter_map(|report| report.file.as_ref()) {
                    copy::copy(&run_folder.join(kept), &aside.join(kept))?;
                }
                fs::write(aside.join("entry.json"), &text)
            })?;
            let last = self.last(owner);
            durable::make_folder(last.parent().unwrap_or(&self.folder))?;
            durable::atomic(&last, &text, Access::Private)?;
        }
        self.evict()
    }

    /// Makes a folder aside and puts it in its place. Where somebody was quicker, theirs stays: it is the same.
    fn put(
        &self,
        run: &str,
        place: &Path,
        fill: impl FnOnce(&Path) -> std::io::Result<()>,
    ) -> Result<(), PipelineError> {
        if place.exists() {
            touch(place);
            return Ok(());
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.folder.join("new").join(format!("{run}.{name}"));
        copy::remove(&aside).map_err(file("remove", &aside))?;
        durable::make_folder(&aside)?;
        let above = place.parent().unwrap_or(&self.folder);
        durable::make_folder(above)?;
        let put = fill(&aside).and_then(|()| match fs::rename(&aside, place) {
            Err(_) if place.exists() => Ok(()),
            renamed => renamed,
        });
        let _ = copy::remove(&aside);
        put.map_err(file("write", place))
    }

    /// Why there is no result.
    fn why(&self, owner: &Owner, inputs: &Inputs) -> Result<String, PipelineError> {
        let Some(last) = read(&self.last(owner))? else { return Ok("it never passed here".to_owned()) };
        Ok(inputs.differs(&last.inputs).unwrap_or_else(|| "its result was evicted".to_owned()))
    }

    /// Removes the oldest entries until the rest is within the bound.
    fn evict(&self) -> Result<(), PipelineError> {
        let mut entries = Vec::new();
        for kind in ["results", "paths"] {
            let folder = self.folder.join(kind);
            for owner in durable::names(&folder)? {
                for key in durable::names(&folder.join(&owner))? {
                    let place = folder.join(&owner).join(key);
                    let used = fs::metadata(&place).and_then(|metadata| metadata.modified());
                    if let Ok(used) = used {
                        entries.push((used, size(&place), place));
                    }
                }
            }
        }
        self.forget_leftovers()?;
        let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        if bytes <= self.bound {
            return Ok(());
        }
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        entries.sort();
        for (_, size, place) in entries {
            if bytes <= self.bound {
                break;
            }
            copy::remove(&place).map_err(file("remove", &place))?;
            bytes -= size;
        }
        Ok(())
    }

    /// What a runner that was killed had made half is of no use when nobody has touched it for a day.
    fn forget_leftovers(&self) -> Result<(), PipelineError> {
        let folder = self.folder.join("new");
        for name in durable::names(&folder)? {
            let place = folder.join(name);
            let age = fs::metadata(&place).and_then(|it| it.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > LEFT) {
                copy::remove(&place).map_err(file("remove", &place))?;
            }
        }
        Ok(())
    }

    fn lock(&self, operation: FlockOperation) -> Result<File, PipelineError> {
        durable::make_folder(&self.folder)?;
        let path = self.folder.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&path).map_err(file("open", &path))?;
        rustix::fs::flock(&lock, operation).map_err(|error| file("lock", &path)(error.into()))?;
        Ok(lock)
    }

    fn result(&self, owner: &Owner, key: &str) -> PathBuf {
        self.folder.join("results").join(owner.name()).join(key)
    }

    fn kept(&self, owner: &Owner, key: &str) -> PathBuf {
        self.folder.join("paths").join(owner.name()).join(key)
    }

    fn last(&self, owner: &Owner) -> PathBuf {
        self.folder.join("last").join(owner.name())
    }
}

impl Owner {
    fn name(&self) -> String {
        format!("{}.{}.{}", self.app, slug(&self.stage), self.job)
    }
}

fn read(path: &Path) -> Result<Option<Entry>, PipelineError> {
    // One that cannot be read is none: it is made again.
    Ok(durable::read_if_there(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// What says which kept paths fit: the contents of the key files.
fn paths_key(cache: &Cache, project: &Path) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{:?}", cache.paths));
    for path in &cache.key {
        let contents = fs::read(project.join(path)).unwrap_or_default();
        hasher.update(format!("\0{path}\0{}\0", contents.len()));
        hasher.update(&contents);
    }
    hex(&hasher.finalize())
}

fn put_back(kept: &Path, cache: &Cache, project: &Path) -> Result<(), PipelineError> {
    for path in &cache.paths {
        let (from, to) = (kept.join(path), project.join(path));
        if fs::symlink_metadata(&from).is_ok() {
            copy::remove(&to).map_err(file("remove", &to))?;
            copy::copy(&from, &to).map_err(file("copy", &from))?;
        }
    }
    Ok(())
}

/// Marks an entry as used now. That it cannot be is no harm: it goes sooner.
fn touch(place: &Path) {
    let _ = rustix::fs::utimensat(
        rustix::fs::CWD,
        place,
        &rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
            last_modification: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
        },
        rustix::fs::AtFlags::empty(),
    );
}

fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| size(&entry.path())).sum()
        }
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests;
