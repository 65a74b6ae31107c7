//! What tells a state folder from all others, on this machine and on others: containers, images, processes and what is in clusters carry
//! it. Made once of random bytes and kept in the folder. A folder from before that keeps what its things carry: a hash of its path.

use std::path::Path;

use bascule_instances::durable::{Access, durable};
use bascule_model::plan::hex;
use bascule_model::problem::{Code, Problem};
use sha2::{Digest as _, Sha256};

/// The file in the state folder.
const FILE: &str = "identity";
/// What a folder has in which a control plane ran: a journal of its own, or the note of where that is.
const TRACES: [&str; 2] = ["journal.db", "journal.json"];

/// The folder's identity; made where it has none. Only for whoever has the folder's lock, and before a journal is made.
///
/// # Errors
/// `STATE_UNUSABLE` when it cannot be read or written, or is damaged.
pub(crate) fn of_locked(state: &Path) -> Result<String, Problem> {
    if let Some(identity) = kept(state)? {
        return Ok(identity);
    }
    let identity = if TRACES.iter().any(|trace| state.join(trace).exists()) {
        of_path(state)
    } else {
        let mut fresh = [0; 6];
        getrandom::fill(&mut fresh).map_err(|error| unusable(state, &error.to_string()))?;
        hex(&fresh)
    };
    durable(&state.join(FILE), identity.as_bytes(), Access::Private)
        .map_err(|error| unusable(state, &error.to_string()))?;
    Ok(identity)
}

/// The folder's identity, for whoever only looks.
///
/// # Errors
/// `STATE_UNUSABLE` when it cannot be read, or is damaged.
#[cfg(feature = "docker")]
pub(crate) fn of(state: &Path) -> Result<String, Problem> {
    Ok(kept(state)?.unwrap_or_else(|| of_path(state)))
}

fn kept(state: &Path) -> Result<Option<String>, Problem> {
    let text = match std::fs::read_to_string(state.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(state, &error.to_string())),
    };
    let text = text.trim();
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(text.to_owned()));
    }
    Err(unusable(state, "it is not twelve hexadecimal digits"))
}

fn of_path(state: &Path) -> String {
    let whole = std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    hex(&Sha256::digest(whole.as_os_str().as_encoded_bytes())[..6])
}

fn unusable(state: &Path, why: &str) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!(
            "{}, which tells this state folder from others, could not be read or written: {why}",
            state.join(FILE).display()
        ),
        "make the state folder one that you can write to; a file that is damaged is put back from a copy: containers (label \
         bascule.owner) and objects in clusters (annotation bascule.dev/owner) carry what was in it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_new_folder_has_one_that_no_other_has_and_keeps_it() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let identity = of_locked(one.path()).unwrap();
        assert_ne!(identity, of_path(one.path()), "another machine has the same path");
        assert_ne!(identity, of_locked(two.path()).unwrap());
        std::fs::write(one.path().join("journal.db"), "").unwrap();
        assert_eq!(of_locked(one.path()).unwrap(), identity);
        let mode = std::fs::metadata(one.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_from_before_keeps_what_its_things_carry() {
        for trace in TRACES {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(trace), "").unwrap();
            let before = of_path(folder.path());
            assert_eq!(of_locked(folder.path()).unwrap(), before);
            assert_eq!(kept(folder.path()).unwrap(), Some(before));
        }
    }

    #[test]
    fn one_that_is_damaged_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "0123").unwrap();
        assert_eq!(of_locked(folder.path()).unwrap_err().code, Code::StateUnusable);
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).unwrap(), "0123");
    }
}
