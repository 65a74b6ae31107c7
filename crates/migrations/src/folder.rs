//! A folder of migrations, whichever convention it follows.
//!
//! Holds: the files of other tools are read as these tools read them, unchanged; what is no migration is left out with a note, never
//! silently; the order of the set is the order in which the tool would apply it.

mod detect;
mod error;

use bascule_sql::{Dialect, Statement};

pub use self::error::FolderError;
use crate::format::{Format, FormatWish};
use crate::formats;
use crate::migration::{Migration, Note, Version};
use crate::text::File;

/// The migrations of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSet {
    /// The convention that they follow.
    pub format: Format,
    /// Why it is that one, as a sentence.
    pub why: String,
    /// Other conventions that read these very files the same way; their tools may have kept the table of versions.
    pub equally: Vec<Format>,
    /// In the order of application.
    pub migrations: Vec<Migration>,
    /// What was left out, and what is odd.
    pub notes: Vec<Note>,
}

impl MigrationSet {
    /// The migration of that version, as its file names it.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.version == *version)
    }

    /// The migration that a person or another tool's table means: `1` is `0001` where versions are numbers.
    #[must_use]
    pub fn find(&self, version: &str) -> Option<&Migration> {
        let exact = self.migrations.iter().find(|migration| migration.version.0 == version);
        exact.or_else(|| {
            let meant = formats::canonical(self.format, version)?;
            self.migrations.iter().find(|migration| {
                formats::canonical(self.format, &migration.version.0).as_ref() == Some(&meant)
            })
        })
    }
}

/// Reads the files of a folder, those of its subfolders included. Paths are relative to the folder.
///
/// # Errors
/// When the convention cannot be told, or a file does not follow it; with path and line.
pub fn read(files: &[File], wish: FormatWish, dialect: Dialect) -> Result<MigrationSet, FolderError> {
    let mut files: Vec<&File> = files.iter().filter(|file| !hidden(&file.path)).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let detected = match wish {
        FormatWish::Auto => detect::detect(&files)?,
        FormatWish::Named(format) => {
            let why = format!("`format = \"{format}\"` says so");
            detect::Detected { format, why, equally: vec![] }
        }
    };
    let mut reading = Reading { dialect, notes: vec![] };
    let migrations = match detected.format {
        Format::Bascule => formats::bascule::read(&files, &mut reading),
        Format::Dbmate => formats::dbmate::read(&files, &mut reading),
        Format::GolangMigrate => formats::golang_migrate::read(&files, &mut reading),
        Format::Goose => formats::goose::read(&files, &mut reading),
        Format::Sqlx => formats::sqlx::read(&files, &mut reading),
        Format::Diesel => formats::diesel::read(&files, &mut reading),
        Format::Refinery => formats::refinery::read(&files, &mut reading),
        Format::Flyway => formats::flyway::read(&files, &mut reading),
    }?;
    if migrations.is_empty() && matches!(wish, FormatWish::Named(_)) {
        nothing_read(&files, detected.format)?;
    }
    Ok(MigrationSet {
        format: detected.format,
        why: detected.why,
        equally: detected.equally,
        migrations,
        notes: reading.notes,
    })
}

/// A folder that holds SQL, of which nothing was a migration, is more likely a mistake than an empty one.
fn nothing_read(files: &[&File], format: Format) -> Result<(), FolderError> {
    match files.iter().find(|file| file.path.ends_with(".sql")) {
        None => Ok(()),
        Some(file) => {
            Err(FolderError::Nothing { path: file.path.clone(), format, example: format.example() })
        }
    }
}

/// What a file of our own convention is, without what it does: enough to see that a database has it, in a fraction of the time that
/// [`read`] takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Its version.
    pub version: Version,
    /// Its checksum.
    pub checksum: String,
}

impl Outline {
    /// That of a file; none where [`read`] is to say what it is.
    #[must_use]
    pub fn of(file: &File, wish: FormatWish) -> Option<Self> {
        let is_ours = match wish {
            FormatWish::Auto => detect::is_ours(file),
            FormatWish::Named(format) => format == Format::Bascule,
        };
        if is_ours { formats::bascule::outline(file) } else { None }
    }

    /// Those of a folder, in the order of application; none where one file has none, or two have one version.
    #[must_use]
    pub fn all(of: impl IntoIterator<Item = Option<Self>>) -> Option<Vec<Self>> {
        let mut list = of.into_iter().collect::<Option<Vec<Self>>>()?;
        list.sort_unstable_by(|one, other| one.version.cmp(&other.version));
        list.windows(2).all(|two| two[0].version != two[1].version).then_some(list)
    }
}

fn hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// What the readers of the conventions share.
pub(crate) struct Reading {
    /// The kind of SQL.
    pub dialect: Dialect,
    /// What was left out, and what is odd.
    pub notes: Vec<Note>,
}

impl Reading {
    pub(crate) fn note(&mut self, path: &str, text: impl Into<String>) {
        self.notes.push(Note::new(path, text));
    }

    /// The statements of a part of a file whose first line is `line`.
    pub(crate) fn statements(
        &self,
        path: &str,
        text: &str,
        line: usize,
    ) -> Result<Vec<Statement>, FolderError> {
        crate::split::statements(text, line, self.dialect).map_err(|error| FolderError::Sql {
            path: path.to_owned(),
            line: error.line(),
            reason: crate::split::reason(&error),
        })
    }
}
