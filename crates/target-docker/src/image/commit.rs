//! The commit that a project's folder stands on, read from the repository's own files.
//!
//! Nothing is run. A repository that keeps its references in another form has no commit here; the label is then left out.

use std::fs;
use std::path::{Path, PathBuf};

/// The commit of `HEAD`, in hex.
pub(super) fn head(project: &Path) -> Option<String> {
    let git = project.ancestors().find_map(|folder| repository(&folder.join(".git")))?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return commit(&head) };
    // A worktree keeps its HEAD apart from the branches.
    let common = fs::read_to_string(git.join("commondir")).map_or(git.clone(), |path| git.join(path.trim()));
    [&git, &common]
        .into_iter()
        .find_map(|folder| commit(&fs::read_to_string(folder.join(reference)).ok()?))
        .or_else(|| packed(&common, reference))
}

fn repository(at: &Path) -> Option<PathBuf> {
    if at.is_dir() {
        return Some(at.to_owned());
    }
    let text = fs::read_to_string(at).ok()?;
    let path = text.trim().strip_prefix("gitdir: ")?;
    Some(at.parent()?.join(path))
}

fn packed(git: &Path, reference: &str) -> Option<String> {
    let text = fs::read_to_string(git.join("packed-refs")).ok()?;
    let line = text.lines().find(|line| line.split_once(' ').is_some_and(|(_, name)| name == reference))?;
    commit(line.split(' ').next()?)
}

fn commit(text: &str) -> Option<String> {
    let text = text.trim();
    let is_commit = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_that_a_repository_names_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::create_dir_all(folder.path().join("deep/er")).unwrap();
        assert_eq!(head(folder.path()), None);
        let (first, second) = ("a1".repeat(20), "b2".repeat(20));
        fs::write(git.join("HEAD"), format!("{first}\n")).unwrap();
        assert_eq!(head(&folder.path().join("deep/er")).unwrap(), first);
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(git.join("packed-refs"), format!("# pack-refs\n{second} refs/heads/main\n")).unwrap();
        assert_eq!(head(folder.path()).unwrap(), second);
        fs::write(git.join("refs/heads/main"), format!("{first}\n")).unwrap();
        assert_eq!(head(folder.path()).unwrap(), first);
        let tree = git.join("worktrees/other");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(tree.join("commondir"), "../..\n").unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join(".git"), format!("gitdir: {}\n", tree.display())).unwrap();
        assert_eq!(head(other.path()).unwrap(), first);
    }
}
