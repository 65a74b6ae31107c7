//! The store: one file for each environment, sealed value by value, made to be committed.
//!
//! Each version of each secret is a line, so that a change is a line of a diff. A value is sealed (XChaCha20-Poly1305) under
//! the file's data key together with app, environment, name and version; the data key is sealed under the envelope key,
//! which is never in the file; a last line seals the list of the others. So a value that was edited, cut, or moved to another
//! name, version or environment does not open and is named, and a line that was taken out or put back is noticed.
//!
//! Versions are never used twice: former ones stay, so that a rollback finds `NAME@2`, and a secret that is removed leaves a
//! version that says so.

mod edit;
mod envelope;
mod error;
mod file;
mod seal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use edit::{Lines, edit};
pub use envelope::EnvelopeKey;
pub use error::StoreError;

use crate::SecretValue;
use file::Text;
use seal::DataKey;

/// The longest value, in bytes. A process can be given no longer one.
pub const LONGEST: usize = 128 * 1024 - 1;

/// Whose secrets they are. Bound into every value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
}

/// Where the file of an environment is, from the project's folder on.
#[must_use]
pub fn file_of(project: &Path, environment: &str) -> PathBuf {
    project.join(".bascule/secrets").join(format!("{environment}.toml"))
}

/// What a version of a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Value(SecretValue),
    Removed,
}

/// One name, as `list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// The newest version.
    pub version: u32,
    /// How many versions are kept.
    pub versions: usize,
    /// Whether the newest version says that it was removed.
    pub is_removed: bool,
}

/// The secrets of one environment, open.
#[derive(Debug)]
pub struct Store {
    owner: Owner,
    key: DataKey,
    /// The data key as it stands in the file, and the id of the envelope key over it; none when it is new.
    sealed_key: Option<(String, String)>,
    versions: BTreeMap<(String, u32), Content>,
    /// How each version stands in the file; those that change are left out and sealed anew.
    sealed: BTreeMap<(String, u32), String>,
}

impl Store {
    /// Opens the file at `path`; none when there is none.
    ///
    /// # Errors
    /// When the file cannot be read, is of another owner or form, does not open with that key, or holds anything that was
    /// changed.
    pub fn open(path: &Path, owner: &Owner, envelope: &EnvelopeKey) -> Result<Option<Self>, StoreError> {
        match file::read(path)? {
            Some(text) => Self::from_text(path, &text, owner, envelope, Lines::AsSealed).map(Some),
            None => Ok(None),
        }
    }

    fn new(owner: &Owner) -> Result<Self, StoreError> {
        let key = DataKey::random()?;
        let (versions, sealed) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { owner: owner.clone(), key, sealed_key: None, versions, sealed })
    }

    fn from_text(
        path: &Path,
        text: &str,
        owner: &Owner,
        envelope: &EnvelopeKey,
        lines: Lines,
    ) -> Result<Self, StoreError> {
        let text = Text::read(path, text)?;
        if text.app != owner.app || text.environment != owner.environment {
            let found = format!("{}/{}", text.app, text.environment);
            let wanted = format!("{}/{}", owner.app, owner.environment);
            return Err(StoreError::Foreign { path: path.to_owned(), found, wanted });
        }
        if text.key != envelope.id() {
            return Err(StoreError::OtherKey {
                path: path.to_owned(),
                needed: text.key,
                given: envelope.id(),
            });
        }
        let damaged = |what: String| StoreError::Changed { path: path.to_owned(), what };
        let key = envelope.open(owner, &text.data_key).ok_or_else(|| damaged("its data key".to_owned()))?;
        let mut versions = BTreeMap::new();
        let mut changed = Vec::new();
        for ((name, version), line) in &text.values {
            match key.open(owner, name, *version, line) {
                Some(content) => {
                    versions.insert((name.clone(), *version), content);
                }
                None => changed.push(format!("{name}@{version}")),
            }
        }
        if !changed.is_empty() {
            return Err(damaged(changed.join(", ")));
        }
        if lines == Lines::AsSealed && !key.list_is(owner, &text.values, &text.list) {
            return Err(StoreError::List { path: path.to_owned() });
        }
        let sealed_key = Some((text.key, text.data_key));
        Ok(Self { owner: owner.clone(), key, sealed_key, versions, sealed: text.values })
    }

    /// The newest version of a secret and its value; none when there is none or it was removed.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<(u32, &SecretValue)> {
        let (version, content) = self.last(name)?;
        match content {
            Content::Value(value) => Some((version, value)),
            Content::Removed => None,
        }
    }

    /// One version of a secret.
    #[must_use]
    pub fn at(&self, name: &str, version: u32) -> Option<&SecretValue> {
        match self.versions.get(&(name.to_owned(), version))? {
            Content::Value(value) => Some(value),
            Content::Removed => None,
        }
    }

    /// The names that have a value, with their newest version.
    pub fn values(&self) -> impl Iterator<Item = (&str, u32, &SecretValue)> {
        let names: std::collections::BTreeSet<&str> =
            self.versions.keys().map(|(name, _)| name.as_str()).collect();
        names.into_iter().filter_map(|name| self.newest(name).map(|(version, value)| (name, version, value)))
    }

    /// Every name that there is or was.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let mut listed: Vec<Listed> = Vec::new();
        for ((name, version), content) in &self.versions {
            let is_removed = *content == Content::Removed;
            match listed.last_mut().filter(|last| last.name == *name) {
                Some(last) => {
                    (last.version, last.is_removed) = (*version, is_removed);
                    last.versions += 1;
                }
                None => {
                    listed.push(Listed { name: name.clone(), version: *version, versions: 1, is_removed });
                }
            }
        }
        listed
    }

    /// A new version, and its number; that of the newest one where it has this very value.
    ///
    /// # Errors
    /// When the name is none or the value cannot be given to a process.
    pub fn set(&mut self, name: &str, value: SecretValue) -> Result<u32, StoreError> {
        if !is_name(name) {
            return Err(StoreError::Name { name: name.chars().take(40).collect() });
        }
        let unfit = |why| StoreError::Value { name: name.to_owned(), why };
        match value.expose() {
            "" => return Err(unfit("is empty")),
            text if text.len() > LONGEST => return Err(unfit("is longer than 128 KiB")),
            text if text.contains('\0') => return Err(unfit("has a NUL character in it")),
            _ => {}
        }
        match self.newest(name) {
            Some((version, same)) if *same == value => Ok(version),
            _ => self.add(name, Content::Value(value)),
        }
    }

    /// A version that says that it was removed, and its number; none when there is nothing to remove.
    ///
    /// # Errors
    /// When there are too many versions.
    pub fn remove(&mut self, name: &str) -> Result<Option<u32>, StoreError> {
        if self.newest(name).is_none() {
            return Ok(None);
        }
        self.add(name, Content::Removed).map(Some)
    }

    /// A new data key: every version is sealed anew.
    ///
    /// # Errors
    /// When the system gives no chance.
    pub fn rotate(&mut self) -> Result<(), StoreError> {
        self.key = DataKey::random()?;
        self.sealed_key = None;
        self.sealed.clear();
        Ok(())
    }

    fn add(&mut self, name: &str, content: Content) -> Result<u32, StoreError> {
        let version = self.last(name).map_or(Some(1), |(version, _)| version.checked_add(1));
        let version = version.ok_or_else(|| StoreError::Name { name: name.to_owned() })?;
        self.versions.insert((name.to_owned(), version), content);
        Ok(version)
    }

    fn last(&self, name: &str) -> Option<(u32, &Content)> {
        let all = (name.to_owned(), 0)..=(name.to_owned(), u32::MAX);
        self.versions.range(all).next_back().map(|((_, version), content)| (*version, content))
    }

    /// The file's text. What did not change stays as it was.
    fn write_down(&mut self, envelope: &EnvelopeKey) -> Result<String, StoreError> {
        for ((name, version), content) in &self.versions {
            let place = (name.clone(), *version);
            if !self.sealed.contains_key(&place) {
                let line = self.key.seal(&self.owner, name, *version, content)?;
                self.sealed.insert(place, line);
            }
        }
        let data_key = match self.sealed_key.take().filter(|(id, _)| *id == envelope.id()) {
            Some((_, sealed)) => sealed,
            None => envelope.seal(&self.owner, &self.key)?,
        };
        let text = Text {
            app: self.owner.app.clone(),
            environment: self.owner.environment.clone(),
            key: envelope.id(),
            data_key,
            list: self.key.seal_list(&self.owner, &self.sealed)?,
            values: self.sealed.clone(),
        };
        Ok(text.write())
    }
}

/// Whether a secret may have this name: that of an environment variable that Bascule does not set itself.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= 200
        && name != "PORT"
        && !name.starts_with("BASCULE_")
}

#[cfg(test)]
mod tests;
