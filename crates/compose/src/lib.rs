//! From a compose file to a `bascule.toml`: what Bascule understands of it, and a list of what it does not.
//!
//! And from a Deployment that runs in a cluster, with the Service in front of it, to one that takes it over.
//!
//! Pure: no file is read but what [`Folder`] shows. Holds: the manifest has no mistakes; no value that looks like a secret is
//! in it, nor in a note; whatever was left out or changed in meaning is in a note, with its line.

mod app;
mod build;
mod configuration;
mod deployment;
mod error;
mod health;
mod interpolate;
mod leftovers;
mod limits;
mod mounts;
mod notes;
mod ports;
mod secret;
mod service;
mod tasks;
mod words;
mod write;

use bascule_model::detect::Folder;

pub use self::deployment::{DeploymentError, Place, Taken, from_deployment};
pub use self::error::ComposeError;
pub use self::notes::Note;

/// What became of a compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The text of `bascule.toml`.
    pub manifest: String,
    /// The services that were taken, by the names that the compose file has for them.
    pub services: Vec<String>,
    /// What was left out, or means something else now; in the order of the file.
    pub notes: Vec<Note>,
}

/// Converts a compose file. `file_name` is what the manifest calls it, `folder` the project's folder, which is that of the compose
/// file, `folder_name` its name.
///
/// # Errors
/// When it is no YAML, no compose file, or has no service that could be an app's.
pub fn convert(
    text: &str,
    file_name: &str,
    folder: &dyn Folder,
    folder_name: &str,
) -> Result<Converted, ComposeError> {
    let root = bascule_yaml::parse(text)?;
    let app = app::read(&root, folder, folder_name)?;
    let manifest = write::manifest(&app, file_name);
    Ok(Converted { manifest, services: app.taken, notes: app.notes.into_vec() })
}
