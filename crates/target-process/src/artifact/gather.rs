//! Which files make an artifact, and where each lands in the release's folder.
//!
//! What `files` names is relative to the project and lands under its last name: `target/release/shop` at `shop`, the folder
//! `web/static/` at `static/` with all it holds, `.` (the whole project, without `.git` and the state folder) at the top. Two
//! things that would land at the same place are an error. A link that is named itself is followed; links inside a folder stay
//! links, and a relative one must not lead out of the artifact.

mod missing;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::contents::{Content, Permission};
use super::index::{Entry, Kind};
use crate::error::{ProcessError, file};

/// Something that goes into an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Relative to the release's folder.
    pub(super) landing: PathBuf,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Folder,
    File { source: PathBuf, permission: Permission },
    Link { target: PathBuf },
}

impl Found {
    /// Its entry in an index; `content` reads or takes the contents of a file.
    pub(super) fn entry(
        &self,
        content: impl FnOnce(&Path, Permission) -> Result<Content, ProcessError>,
    ) -> Result<Entry, ProcessError> {
        let kind = match &self.what {
            What::Folder => Kind::Folder,
            What::File { source, permission } => Kind::File(content(source, *permission)?),
            What::Link { target } => Kind::Link { target: target.as_os_str().as_bytes().to_vec() },
        };
        Ok(Entry { path: self.landing.as_os_str().as_bytes().to_vec(), kind })
    }
}

/// Finds everything that `files` names. `store` is the artifact store: the state folder around it is never part of an artifact.
pub(super) fn gather(project: &Path, files: &[String], store: &Path) -> Result<Vec<Found>, ProcessError> {
    let state = store.parent().and_then(|state| state.canonicalize().ok());
    let mut gathering = Gathering { project, state, found: BTreeMap::new() };
    let mut absent = Vec::new();
    for named in files {
        let relative = inside(named)?;
        let path = project.join(&relative);
        match fs::metadata(&path) {
            Ok(_) => gathering.named(named, &relative)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => absent.push(named.as_str()),
            Err(error) => return Err(file("look at", &path)(error)),
        }
    }
    if !absent.is_empty() {
        return Err(missing::error(project, &absent));
    }
    Ok(gathering.found.into_values().map(|(_, found)| found).collect())
}

/// A path of `files` without `.`, refused when it leaves the project.
fn inside(named: &str) -> Result<PathBuf, ProcessError> {
    let mut relative = PathBuf::new();
    for component in Path::new(named).components() {
        match component {
            Component::Normal(name) => relative.push(name),
            Component::CurDir => {}
            _ => {
                return Err(ProcessError::Unusable {
                    detail: format!("`files` names {named}, which is not inside the project folder"),
                    remedy: "name files of the project only, relative to bascule.toml; let the build command copy others in"
                        .to_owned(),
                });
            }
        }
    }
    Ok(relative)
}

struct Gathering<'a> {
    project: &'a Path,
    state: Option<PathBuf>,
    found: BTreeMap<PathBuf, (PathBuf, Found)>,
}

impl Gathering<'_> {
    fn named(&mut self, named: &str, relative: &Path) -> Result<(), ProcessError> {
        let source = self.project.join(relative);
        // A link that is named itself stands for what it leads to.
        let source = source.canonicalize().map_err(file("look at", &source))?;
        match relative.file_name() {
            None => self.folder(&source, Path::new("")),
            Some(name) if source.is_dir() => {
                self.add(Path::new(name), &source, What::Folder)?;
                self.folder(&source, Path::new(name))
            }
            Some(name) if source.is_file() => self.file(&source, Path::new(name)),
            Some(_) => Err(special(named)),
        }
    }

    fn folder(&mut self, source: &Path, landing: &Path) -> Result<(), ProcessError> {
        let entries = fs::read_dir(source).map_err(file("read", source))?;
        for entry in entries {
            let entry = entry.map_err(file("read", source))?;
            let (path, name) = (entry.path(), entry.file_name());
            let landing = landing.join(&name);
            let kind = entry.file_type().map_err(file("look at", &path))?;
            if kind.is_dir() {
                let is_repository = landing == Path::new(".git");
                if is_repository || self.state.as_ref().is_some_and(|state| *state == path) {
                    continue;
                }
                self.add(&landing, &path, What::Folder)?;
                self.folder(&path, &landing)?;
            } else if kind.is_symlink() {
                self.link(&path, &landing)?;
            } else if kind.is_file() {
                self.file(&path, &landing)?;
            } else {
                return Err(special(&path.display().to_string()));
            }
        }
        Ok(())
    }

    fn file(&mut self, source: &Path, landing: &Path) -> Result<(), ProcessError> {
        let mode = fs::metadata(source).map_err(file("look at", source))?.permissions().mode();
        let what = What::File { source: source.to_owned(), permission: Permission::of_mode(mode) };
        self.add(landing, source, what)
    }

    fn link(&mut self, source: &Path, landing: &Path) -> Result<(), ProcessError> {
        let target = fs::read_link(source).map_err(file("read", source))?;
        if leads_out(landing, &target) {
            return Err(ProcessError::Unusable {
                detail: format!(
                    "{} is a link to {}, which is outside of what `files` takes",
                    source.display(),
                    target.display()
                ),
                remedy: "let the link lead to something inside the same folder, or put a copy in its place"
                    .to_owned(),
            });
        }
        self.add(landing, source, What::Link { target })
    }

    fn add(&mut self, landing: &Path, source: &Path, what: What) -> Result<(), ProcessError> {
        let found = Found { landing: landing.to_owned(), what };
        let before = self.found.insert(landing.to_owned(), (source.to_owned(), found));
        match before {
            Some((other, _)) if other != source => Err(ProcessError::Unusable {
                detail: format!(
                    "{} and {} would both land at {} in the release's folder",
                    other.display(),
                    source.display(),
                    landing.display()
                ),
                remedy: "give one of them another name, or let the build command put them into one folder and name that"
                    .to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

fn special(named: &str) -> ProcessError {
    ProcessError::Unusable {
        detail: format!("{named} is neither a file nor a folder nor a link"),
        remedy: "take sockets, pipes and devices out of what `files` names".to_owned(),
    }
}

/// Whether a relative link at this place leads above the release's folder. An absolute one names something of the machine.
fn leads_out(landing: &Path, target: &Path) -> bool {
    if target.is_absolute() {
        return false;
    }
    let mut depth = landing.components().count() - 1;
    for component in target.components() {
        match component {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn project() -> tempfile::TempDir {
        let project = tempfile::tempdir().unwrap();
        for name in
            ["target/release/shop", "web/static/a.css", "web/static/deep/b.css", "other/shop", ".git/HEAD"]
        {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
        }
        fs::create_dir_all(project.path().join("web/static/empty")).unwrap();
        symlink("a.css", project.path().join("web/static/link.css")).unwrap();
        symlink("target/release/shop", project.path().join("named")).unwrap();
        project
    }

    fn landings(project: &Path, files: &[&str]) -> Result<Vec<String>, String> {
        let files: Vec<String> = files.iter().map(|name| (*name).to_owned()).collect();
        gather(project, &files, &project.join("state/artifacts"))
            .map(|found| found.iter().map(|found| found.landing.display().to_string()).collect())
            .map_err(|error| format!("{error} / {}", error.problem().remedy))
    }

    #[test]
    fn files_and_folders_land_under_their_last_name() {
        let project = project();
        assert_eq!(
            landings(project.path(), &["target/release/shop", "web/static/", "named"]).unwrap(),
            [
                "named",
                "shop",
                "static",
                "static/a.css",
                "static/deep",
                "static/deep/b.css",
                "static/empty",
                "static/link.css"
            ]
        );
        assert!(landings(project.path(), &[]).unwrap().is_empty());
    }

    #[test]
    fn the_whole_project_comes_without_repository_and_state() {
        let project = project();
        fs::create_dir_all(project.path().join("state/artifacts")).unwrap();
        let all = landings(project.path(), &["."]).unwrap();
        assert!(all.contains(&"web/static/a.css".to_owned()) && all.contains(&"named".to_owned()));
        assert!(!all.iter().any(|path| path.starts_with(".git") || path.starts_with("state")), "{all:?}");
    }

    #[test]
    fn what_cannot_be_taken_is_named_with_a_remedy() {
        let project = project();
        symlink("../../../etc", project.path().join("web/static/out")).unwrap();
        let refused = |files: &[&str]| landings(project.path(), files).unwrap_err();
        assert!(refused(&["web/static"]).contains("outside of what `files` takes"));
        assert!(refused(&["target/release/shop", "other/shop"]).contains("both land at shop"));
        assert!(refused(&["../x"]).contains("not inside the project"));
        assert!(refused(&["/etc/passwd"]).contains("not inside the project"));
        let missing = refused(&["target/relaese/shop", "other/shop", "web/statik/"]);
        assert!(missing.contains("target/relaese/shop (did you mean target/release/shop?)"), "{missing}");
        assert!(missing.contains("web/statik/ (did you mean web/static?)"), "{missing}");
    }
}
