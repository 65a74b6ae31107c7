//! Which commit a folder is of, as git says it. A folder that is in no repository, or that its repository ignores, is of none.

use std::path::Path;

use bascule_model::gate::Provenance;

/// The commit that is checked out there, and whether anything in its work tree is not as in it.
pub fn of(folder: &Path) -> Option<Provenance> {
    let git = |doing: &'static str, words: &[&str]| {
        let said = bascule_pipeline::git(folder, doing, words).ok()?;
        Some(String::from_utf8_lossy(&said).trim().to_owned())
    };
    let commit = git("rev-parse", &["--verify", "HEAD"])?;
    let is_ignored = git("check-ignore", &["--quiet", "."]).is_some();
    if is_ignored {
        return None;
    }
    // What cannot be asked is not taken for clean.
    let dirty =
        git("status", &["--porcelain", "--untracked-files=normal"]).is_none_or(|said| !said.is_empty());
    Some(Provenance { commit, dirty, pipeline: None })
}

/// In a few words: `1a2b3c4d5e6f`, `1a2b3c4d5e6f with changes that are in no commit`.
pub fn words(provenance: &Provenance) -> String {
    let commit = provenance.commit.get(..12).unwrap_or(&provenance.commit);
    let mut words = crate::text::escape::line(commit);
    if provenance.dirty {
        words.push_str(" with changes that are in no commit");
    }
    if let Some(pipeline) = &provenance.pipeline {
        words.push_str(&format!(", by pipeline {}", crate::text::escape::line(pipeline)));
    }
    words
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let done = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }

    #[test]
    fn the_commit_and_whether_something_is_not_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(of(path), None);
        git(path, &["init", "-q"]);
        assert_eq!(of(path), None, "no commit yet");
        std::fs::write(path.join("a"), "1").unwrap();
        std::fs::write(path.join(".gitignore"), "out/\n").unwrap();
        git(path, &["add", "."]);
        git(path, &["commit", "-q", "-m", "one"]);
        let clean = of(path).unwrap();
        assert_eq!((clean.commit.len(), clean.dirty), (40, false));
        std::fs::create_dir(path.join("out")).unwrap();
        std::fs::write(path.join("out/built"), "x").unwrap();
        assert_eq!(of(path), Some(clean.clone()), "what is ignored is not looked at");
        assert_eq!(of(&path.join("out")), None, "a folder that is ignored is of no commit");
        std::fs::write(path.join("b"), "new").unwrap();
        assert!(of(path).unwrap().dirty);
        std::fs::remove_file(path.join("b")).unwrap();
        std::fs::write(path.join("a"), "2").unwrap();
        let dirty = of(path).unwrap();
        assert!(dirty.dirty);
        assert!(words(&dirty).ends_with("with changes that are in no commit"));
    }
}
