//! What the state folder has of an artifact: the pipeline's runs that made it, and its rehearsal.

use std::path::{Path, PathBuf};

use bascule_instances::durable::{Access, atomic, make_folder, names, read_if_there};
use bascule_model::gate::PipelineRecord;
use bascule_model::ids::AppName;
use bascule_model::problem::{Code, Problem};
use bascule_model::rehearsal::Rehearsal;
use serde::de::DeserializeOwned;

/// The record of the app's newest pipeline that made the artifact; none when none did.
///
/// # Errors
/// When a record cannot be read: what nobody can read is not taken for one that is not there.
pub(crate) fn pipeline(
    state: &Path,
    app: &AppName,
    artifact: &str,
) -> Result<Option<PipelineRecord>, Problem> {
    let folder = state.join("pipelines");
    let mut newest: Option<PipelineRecord> = None;
    for name in names(&folder).map_err(Problem::from)? {
        let Some(record) = read::<PipelineRecord>(&folder.join(name).join("record.json"))? else { continue };
        let is_newer = newest.as_ref().is_none_or(|newest| newest.began_at < record.began_at);
        if record.app == app.as_str() && record.artifact.as_deref() == Some(artifact) && is_newer {
            newest = Some(record);
        }
    }
    Ok(newest)
}

/// The app's rehearsal of the artifact; none when there was none.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn rehearsal(state: &Path, app: &AppName, artifact: &str) -> Result<Option<Rehearsal>, Problem> {
    match file(state, app, artifact) {
        Some(path) => read(&path),
        None => Ok(None),
    }
}

/// Keeps a rehearsal with its artifact, in place of an earlier one.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn keep(state: &Path, rehearsal: &Rehearsal) -> Result<(), Problem> {
    let Some(path) = file(state, &rehearsal.app, &rehearsal.artifact) else {
        return Err(unreadable(state, &format!("{} is no digest", rehearsal.artifact)));
    };
    write(&path, rehearsal)
}

/// Writes JSON as a whole or not at all, and makes its folder.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, value: &impl serde::Serialize) -> Result<(), Problem> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| unreadable(path, &error))?;
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(Problem::from)?;
    }
    atomic(path, &bytes, Access::Private).map_err(Problem::from)
}

/// Reads JSON; none when there is no such file.
///
/// # Errors
/// When it cannot be read, or is something else.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Problem> {
    let Some(bytes) = read_if_there(path).map_err(Problem::from)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(path, &error))
}

/// In a folder of the app; named by the digest alone, `sha256:` or `image:…` left out: letters and digits. What lies beside the
/// folders of apps is of versions that did not note the app, and is not looked at.
fn file(state: &Path, app: &AppName, artifact: &str) -> Option<PathBuf> {
    let (_, hex) = artifact.rsplit_once("sha256:")?;
    let is_hex = !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| state.join("rehearsals").join(app.as_str()).join(format!("{hex}.json")))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!("{} cannot be used: {error}", path.display()),
        "find out who wrote it; removing it removes the evidence that it holds",
    )
}
