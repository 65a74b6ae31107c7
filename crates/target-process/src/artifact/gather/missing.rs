//! What to say of files that are not there: which, and what was probably meant.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ProcessError;
use crate::nearest::nearest;

/// One error for all of them.
pub(super) fn error(project: &Path, absent: &[&str]) -> ProcessError {
    let told: Vec<String> = absent
        .iter()
        .map(|named| match meant(project, named) {
            Some(meant) => format!("{named} (did you mean {}?)", meant.display()),
            None => (*named).to_owned(),
        })
        .collect();
    let verb = if absent.len() == 1 { "is" } else { "are" };
    ProcessError::Unusable {
        detail: format!("`files` names {}, which {verb} not in {}", told.join(" and "), project.display()),
        remedy:
            "correct `files` of [build] in bascule.toml, or see that the build command makes what it names"
                .to_owned(),
    }
}

/// The nearest thing that is there: the path with its first wrong part replaced by the likest name beside it.
fn meant(project: &Path, named: &str) -> Option<PathBuf> {
    let mut there = PathBuf::new();
    let mut parts = Path::new(named).components();
    for part in parts.by_ref() {
        let next = there.join(part);
        if project.join(&next).exists() {
            there = next;
            continue;
        }
        let names: Vec<String> = fs::read_dir(project.join(&there))
            .ok()?
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        let near = nearest(part.as_os_str().to_str()?, names.iter().map(String::as_str))?;
        let repaired = there.join(near);
        let whole = repaired.join(parts.as_path());
        return Some(if project.join(&whole).exists() { whole.components().collect() } else { repaired });
    }
    None
}
