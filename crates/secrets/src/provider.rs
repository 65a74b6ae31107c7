//! Where a secret's value comes from: a variable, a file, the store, or a command.
//!
//! What a source gives is taken without the line break at its end. No error holds any of it.

mod command;
mod error;
mod file;

use std::path::Path;
use std::time::Duration;

pub use command::{Line, TIMEOUT, run};
pub use error::ProviderError;
pub use file::read;

use crate::SecretValue;
use crate::store::Store;

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// In a variable of the caller's environment.
    Env(&'a str),
    /// In a file; a relative path begins at the project's folder.
    File(&'a Path),
    /// In the store: the newest version.
    Store,
    /// On the standard output of a command.
    Command(Line<'a>),
}

/// What was had, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The value.
    pub value: SecretValue,
    /// Its version, where it came from the store.
    pub version: Option<u32>,
}

/// What sources need.
pub struct Surroundings<'a> {
    /// The project's folder: commands run there.
    pub project: &'a Path,
    /// The caller's environment.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// The store; none where there is none.
    pub store: Option<&'a Store>,
    /// How long a command may take.
    pub timeout: Duration,
}

/// Has the value of a secret.
///
/// # Errors
/// When its source does not give it.
pub fn fetch(name: &str, source: &Source<'_>, around: &Surroundings<'_>) -> Result<Fetched, ProviderError> {
    let missing = |why: String| ProviderError::Missing { name: name.to_owned(), why };
    let plain = |value| Fetched { value, version: None };
    let fetched = match source {
        Source::Env(variable) => (around.variables)(variable)
            .map(|value| plain(SecretValue::new(value)))
            .ok_or_else(|| missing(format!("the variable {variable} is not set")))?,
        Source::File(path) => plain(read(name, &around.project.join(path))?),
        Source::Store => {
            let found = around.store.and_then(|store| store.newest(name));
            let (version, value) = found.ok_or_else(|| missing("the store does not have it".to_owned()))?;
            Fetched { value: value.clone(), version: Some(version) }
        }
        Source::Command(line) => plain(run(name, *line, around.project, around.timeout)?),
    };
    if fetched.value.expose().is_empty() {
        return Err(missing("its source gives an empty text".to_owned()));
    }
    if fetched.value.expose().contains('\0') {
        return Err(missing("what its source gives has a NUL character in it".to_owned()));
    }
    Ok(fetched)
}

#[cfg(test)]
mod tests;
