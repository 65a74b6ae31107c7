//! The commit's files: a git worktree of its own, without a branch, and for a dirty run with what the caller's folder has on top.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bascule_model::plan::hex;
use sha2::{Digest as _, Sha256};

use crate::copy;
use crate::error::{PipelineError, file};
use crate::folder::RunFolder;
use crate::plan::Plan;

/// Variables that would make git look elsewhere: those that a hook runs with.
const MISLEADING: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"];

/// A commit, as a project's folder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Hex.
    pub id: String,
    /// Where the project is in the repository, with a `/` at its end; empty for the top.
    pub prefix: String,
    /// How many files of the folder are not as in the commit, ignored ones left aside.
    pub changed: usize,
}

impl Commit {
    /// Looks one up, by whatever names it.
    ///
    /// # Errors
    /// When there is no repository, or no such commit in it.
    pub fn find(project: &Path, revision: &str) -> Result<Self, PipelineError> {
        let prefix = git(project, "rev-parse", &["--show-prefix"])
            .map_err(|_| PipelineError::NoRepository(project.to_owned()))?;
        let name = format!("{revision}^{{commit}}");
        let id = git(project, "rev-parse", &["--verify", "--quiet", "--end-of-options", &name])
            .map_err(|_| PipelineError::NoCommit(revision.to_owned()))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
        Ok(Self { id: text(id), prefix: text(prefix), changed: changed(project)?.len() })
    }
}

/// The text of a file as it is in a commit; `path` is relative to the project's folder. None: it is not there.
#[must_use]
pub fn committed_file(project: &Path, commit: &str, path: &str) -> Option<String> {
    let name = format!("{commit}:./{path}");
    String::from_utf8(git(project, "cat-file", &["blob", &name]).ok()?).ok()
}

/// The names of the files of a folder as they are in a commit; `folder` is relative to the project's. None where there is no such folder.
#[must_use]
pub fn committed_names(project: &Path, commit: &str, folder: &str) -> Vec<String> {
    let name = format!("{commit}:./{folder}");
    let listed = git(project, "ls-tree", &["-z", "--full-tree", &name]).unwrap_or_default();
    let entries = listed.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    // `MODE TYPE HASH<tab>NAME`
    let files =
        entries.filter_map(|entry| entry.split_once('\t')).filter(|(what, _)| what.contains(" blob "));
    files.map(|(_, name)| name.to_owned()).collect()
}

/// What differs between two commits in a folder and below, as git prints it without surroundings; without a second commit, between
/// a commit and the files as they are. Paths are relative to the folder. None where git cannot tell.
#[must_use]
pub fn diff(folder: &Path, from: &str, to: Option<&str>) -> Option<String> {
    let mut words =
        vec!["-U0", "--inter-hunk-context=0", "--no-color", "--no-ext-diff", "--no-textconv", "--relative"];
    // Whatever the user has set for himself.
    words.extend(["--src-prefix=a/", "--dst-prefix=b/", "--end-of-options", from]);
    words.extend(to);
    let text = git(folder, "diff", &words).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Makes the checkout anew, and gives how many files are not as in the commit.
pub(crate) fn make(plan: &Plan, checkout: &Path) -> Result<u64, PipelineError> {
    remove(&plan.project, checkout)?;
    let place = checkout.to_string_lossy();
    {
        let _turn = turn(&plan.project)?;
        let words = ["add", "--quiet", "--no-checkout", "--detach", "--force", &place, &plan.commit];
        git(&plan.project, "worktree", &words)?;
    }
    // What takes long needs no turn.
    git(checkout, "reset", &["--hard", "--quiet", "--no-recurse-submodules"])?;
    if !plan.dirty {
        return Ok(0);
    }
    let changed = changed(&plan.project)?;
    let top = git(&plan.project, "rev-parse", &["--show-toplevel"])?;
    let top = PathBuf::from(OsStr::from_bytes(top.trim_ascii_end()));
    for path in &changed {
        let (from, to) = (top.join(path), checkout.join(path));
        copy::remove(&to).map_err(file("remove", &to))?;
        if fs::symlink_metadata(&from).is_ok() {
            copy::copy(&from, &to).map_err(file("copy", &from))?;
        }
    }
    // New files are changes too.
    git(checkout, "add", &["--intent-to-add", "--all"])?;
    Ok(changed.len() as u64)
}

/// Takes it away, and what git knows of it: this one alone. To prune would take away what another run is making right now.
pub(crate) fn remove(project: &Path, checkout: &Path) -> Result<(), PipelineError> {
    copy::remove(checkout).map_err(file("remove", checkout))?;
    // Where it was never made, or the repository is gone, there is nothing to forget.
    if let Ok(_turn) = turn(project) {
        let _ = git(project, "worktree", &["remove", "--force", "--force", &checkout.to_string_lossy()]);
    }
    Ok(())
}

/// The turn of whoever makes or removes a worktree of a repository, until it is dropped. Git reads the worktrees of others for both,
/// and fails where one is half made or half removed.
fn turn(project: &Path) -> Result<fs::File, PipelineError> {
    let common = git(project, "rev-parse", &["--path-format=absolute", "--git-common-dir"])?;
    let common = PathBuf::from(OsStr::from_bytes(common.strip_suffix(b"\n").unwrap_or(&common)));
    let folder = fs::File::open(&common).map_err(file("open", &common))?;
    // Where a file system knows no locks, git's own care has to do.
    let _ = folder.lock();
    Ok(folder)
}

/// Takes away the checkout of a run that is over, where it is still there.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_of(folder: &RunFolder) -> Result<(), PipelineError> {
    let checkout = folder.checkout();
    if !checkout.exists() {
        return Ok(());
    }
    match folder.read_plan() {
        Ok(plan) => remove(&plan.project, &checkout),
        Err(_) => copy::remove(&checkout).map_err(file("remove", &checkout)),
    }
}

/// Every file of the commit, relative to the project's folder (`../lib/x` for one beside it), with what tells its contents from
/// others'.
pub(crate) fn files(plan: &Plan, project: &Path) -> Result<BTreeMap<String, String>, PipelineError> {
    let listed = git(project, "ls-tree", &["-r", "-z", "--full-tree", "HEAD"])?;
    let mut files = BTreeMap::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        if let Some((what, path)) = entry.split_once('\t') {
            files.insert(relative(&plan.prefix, path), what.to_owned());
        }
    }
    if plan.dirty {
        for path in changed(project)? {
            let name = relative(&plan.prefix, &path.to_string_lossy());
            match fs::read(project.join(&name)) {
                Ok(contents) => files.insert(name, hex(&Sha256::digest(&contents))),
                Err(_) => files.remove(&name),
            };
        }
    }
    Ok(files)
}

/// The path of a file of the repository as seen from a folder of it, which ends with `/` unless it is the top.
fn relative(folder: &str, path: &str) -> String {
    let mut own: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    let mut rest = path;
    while let (Some(first), Some((name, after))) = (own.first(), rest.split_once('/')) {
        if *first != name {
            break;
        }
        own.remove(0);
        rest = after;
    }
    format!("{}{rest}", "../".repeat(own.len()))
}

/// The files that are not as in the commit, ignored ones left aside, relative to the top of the repository.
pub(crate) fn changed(project: &Path) -> Result<Vec<PathBuf>, PipelineError> {
    let listed =
        git(project, "status", &["--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ":/"])?;
    let entries = listed.split(|byte| *byte == 0).filter(|entry| entry.len() > 3);
    // Two letters of what happened to it, and a space.
    Ok(entries.map(|entry| PathBuf::from(OsStr::from_bytes(&entry[3..]))).collect())
}

/// Runs git in a folder, whatever a hook has set, without hooks of its own and without writing where it only reads. Gives what it
/// prints.
///
/// # Errors
/// That it cannot be run, or its own words.
pub fn git(folder: &Path, doing: &'static str, words: &[&str]) -> Result<Vec<u8>, PipelineError> {
    let mut command = Command::new("git");
    MISLEADING.iter().for_each(|name| {
        command.env_remove(name);
    });
    let output = command
        // A hook of the repository is for whoever works in it.
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", doing])
        .args(words)
        .current_dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| PipelineError::Git { doing, said: format!("it cannot be run: {error}") })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(PipelineError::Git { doing, said })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{committed_names, files, git, make, relative, remove};
    use crate::plan::Plan;

    #[test]
    fn many_at_once_each_get_the_files_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("app");
        fs::create_dir(&project).unwrap();
        fs::write(project.join("own"), "1").unwrap();
        git(&project, "init", &["--quiet"]).unwrap();
        git(&project, "add", &["--all"]).unwrap();
        let author =
            ["user.name=tester", "user.email=tester@example.com"].map(|pair| pair.split_once('=').unwrap());
        author.iter().for_each(|(key, value)| drop(git(&project, "config", &[key, value]).unwrap()));
        git(&project, "commit", &["--quiet", "-m", "one"]).unwrap();
        let plan = plan(&project, "", false);
        std::thread::scope(|scope| {
            for one in 0..8 {
                let checkout = folder.path().join(format!("{one}/checkout"));
                let (plan, project) = (&plan, &project);
                scope.spawn(move || {
                    for _ in 0..10 {
                        make(plan, &checkout).unwrap();
                        assert_eq!(fs::read(checkout.join("own")).unwrap(), b"1");
                        remove(project, &checkout).unwrap();
                    }
                });
            }
        });
        let listed = git(&project, "worktree", &["list"]).unwrap();
        assert_eq!(String::from_utf8(listed).unwrap().lines().count(), 1);
    }

    fn plan(project: &Path, prefix: &str, dirty: bool) -> Plan {
        serde_json::from_value(serde_json::json!({
            "run": "ship-1", "app": "shop", "commit": "HEAD", "dirty": dirty, "project": project, "prefix": prefix,
            "actor": "tester", "began_at": "2026-01-01T00:00:00Z", "surroundings": {}, "jobs": 1, "stages": []
        }))
        .unwrap()
    }

    #[test]
    fn all_files_of_the_repository_are_those_of_a_folder_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("app");
        fs::create_dir_all(folder.path().join("lib")).unwrap();
        fs::create_dir(&project).unwrap();
        for path in ["app/own", "lib/other"] {
            fs::write(folder.path().join(path), "1").unwrap();
        }
        git(folder.path(), "init", &["--quiet"]).unwrap();
        git(folder.path(), "add", &["--all"]).unwrap();
        let author = ["--author", "tester <tester@example.com>", "--quiet", "-m", "one"];
        git(&project, "config", &["user.name", "tester"]).unwrap();
        git(&project, "config", &["user.email", "tester@example.com"]).unwrap();
        git(&project, "commit", &author).unwrap();
        let clean = files(&plan(&project, "app/", false), &project).unwrap();
        assert_eq!(clean.keys().map(String::as_str).collect::<Vec<_>>(), ["../lib/other", "own"]);
        fs::write(folder.path().join("lib/other"), "2").unwrap();
        let dirty = files(&plan(&project, "app/", true), &project).unwrap();
        assert_ne!(dirty["../lib/other"], clean["../lib/other"]);
        assert_eq!(dirty["own"], clean["own"]);
        // Of a folder alone, as the commit has it.
        fs::write(project.join("new"), "1").unwrap();
        assert_eq!(committed_names(&project, "HEAD", ""), ["own"]);
        assert_eq!(committed_names(folder.path(), "HEAD", "lib"), ["other"]);
        assert_eq!(committed_names(folder.path(), "HEAD", ""), Vec::<String>::new(), "folders are none");
        assert_eq!(committed_names(&project, "HEAD", "none"), Vec::<String>::new());
    }

    #[test]
    fn files_of_a_repository_as_a_folder_sees_them() {
        for (folder, path, seen) in [
            ("", "src/a", "src/a"),
            ("app/", "app/src/a", "src/a"),
            ("app/", "lib/a", "../lib/a"),
            ("app/", "application/a", "../application/a"),
            ("apps/shop/", "apps/lib/a", "../lib/a"),
            ("apps/shop/", "a", "../../a"),
            ("apps/shop/", "apps/shop", "../shop"),
        ] {
            assert_eq!(relative(folder, path), seen, "{folder} {path}");
        }
    }
}
