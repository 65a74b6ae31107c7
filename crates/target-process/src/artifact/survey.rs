//! What would be made, without making it.
//!
//! For files their digest as an artifact; for a build command a hash over the project's sources in the same canonical form:
//! what Git lists (tracked, and new but not ignored) where there is a repository and `git` in `PATH`, else all but hidden
//! folders, `target`, `node_modules`, the state folder and what `files` names.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bascule_model::release::Source;

use super::contents::{self, Content, Permission};
use super::gather;
use super::index::{Entry, Index, Kind};
use crate::error::{ProcessError, file};

/// The digest of the files, or the hash of the sources.
pub(super) fn survey(
    source: &Source,
    store: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<String, ProcessError> {
    if source.command.is_none() {
        let found = gather::gather(&source.project, &source.files, store)?;
        let entries: Result<Vec<Entry>, ProcessError> =
            found.iter().map(|found| found.entry(content)).collect();
        return Ok(Index::new(entries?).digest());
    }
    let paths = match listed_by_git(&source.project, environment) {
        Some(paths) => paths,
        None => walked(source, store)?,
    };
    let mut entries = Vec::new();
    for path in paths {
        entries.extend(entry(&source.project, path)?);
    }
    Ok(Index::new(entries).digest().trim_start_matches("sha256:").to_owned())
}

fn content(path: &Path, permission: Permission) -> Result<Content, ProcessError> {
    let (sha256, size) = contents::hash(path).map_err(file("read", path))?;
    Ok(Content { sha256, permission, size })
}

fn entry(project: &Path, relative: PathBuf) -> Result<Option<Entry>, ProcessError> {
    let path = project.join(&relative);
    // Git also lists what was deleted and not committed yet.
    let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(None) };
    let kind = if metadata.is_symlink() {
        let target = fs::read_link(&path).map_err(file("read", &path))?;
        Kind::Link { target: target.as_os_str().as_bytes().to_vec() }
    } else if metadata.is_file() {
        Kind::File(content(&path, Permission::of_mode(metadata.permissions().mode()))?)
    } else {
        Kind::Folder
    };
    Ok(Some(Entry { path: relative.into_os_string().as_bytes().to_vec(), kind }))
}

fn listed_by_git(project: &Path, environment: &BTreeMap<String, String>) -> Option<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(project)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut paths: Vec<PathBuf> = names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect();
    paths.sort();
    // A file with a merge conflict is listed more than once.
    paths.dedup();
    Some(paths)
}

fn walked(source: &Source, store: &Path) -> Result<Vec<PathBuf>, ProcessError> {
    let made: Vec<PathBuf> =
        source.files.iter().map(|named| Path::new(named).components().collect()).collect();
    let state = store.parent().and_then(|state| state.canonicalize().ok());
    let mut waiting = vec![PathBuf::new()];
    let mut paths = Vec::new();
    while let Some(folder) = waiting.pop() {
        let at = source.project.join(&folder);
        for found in fs::read_dir(&at).map_err(file("read", &at))? {
            let found = found.map_err(file("read", &at))?;
            let relative = folder.join(found.file_name());
            if made.contains(&relative) {
                continue;
            }
            if !found.file_type().is_ok_and(|kind| kind.is_dir()) {
                paths.push(relative);
                continue;
            }
            let name = found.file_name();
            let skipped = name.as_bytes().starts_with(b".") || name == "target" || name == "node_modules";
            let is_state = || found.path().canonicalize().ok().is_some_and(|path| Some(path) == state);
            if !skipped && !is_state() {
                waiting.push(relative);
            }
        }
    }
    Ok(paths)
}
