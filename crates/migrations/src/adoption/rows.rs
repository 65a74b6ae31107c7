//! What the rows of a tool's table mean for the files.

use std::cmp::Ordering;

use super::read::{GONE, UP_TO};
use super::{Adoption, Width};
use crate::folder::MigrationSet;
use crate::format::Format;
use crate::formats;
use crate::migration::{Migration, Turn, Version};

/// What a tool has applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adopted {
    /// Migrations with a file, in the order of application.
    pub migrations: Vec<AdoptedMigration>,
    /// Rows without a file.
    pub unknown: Vec<UnknownRow>,
    /// How wide the versions were when checksums were made (refinery).
    pub width: Width,
}

/// A migration that a tool has applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedMigration {
    /// Its version, as its file names it.
    pub version: Version,
    /// Whether it is what the file says today.
    pub comparison: Comparison,
}

/// Whether what was applied is what the file says today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It is, by the tool's checksum.
    Same,
    /// It is not.
    Differs {
        /// What the table has.
        stored: String,
    },
    /// The tool keeps no checksum.
    Unknown,
}

/// A row without a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRow {
    /// Its version, as the table has it.
    pub version: String,
    /// Its name; empty where the table has none.
    pub name: String,
}

/// Why a table cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoptionError {
    /// The last run of the tool had failed.
    #[error(
        "{tool} has marked version {version} as failed: bring it to an end or back with {tool} first, then take its table over"
    )]
    Failed {
        /// The tool.
        tool: Format,
        /// The version.
        version: String,
    },
    /// The table says only one version, and it is of no file.
    #[error(
        "{tool} says that the database is at version {version}, but no file has it: get the files of that version"
    )]
    NoFile {
        /// The tool.
        tool: Format,
        /// The version.
        version: String,
    },
}

pub(super) fn adopt(
    adoption: &Adoption,
    set: &MigrationSet,
    rows: &[Vec<Option<String>>],
) -> Result<Adopted, AdoptionError> {
    let mut adopted = Adopted { width: adoption.width, ..Adopted::default() };
    for row in rows {
        let cell = |at: usize| row.get(at).and_then(Option::as_deref);
        let (version, name, sum) = (cell(0), cell(1).unwrap_or_default(), cell(2));
        if cell(3) == Some("0") {
            let version = version.unwrap_or(name).to_owned();
            return Err(AdoptionError::Failed { tool: adoption.tool, version });
        }
        let found = match version {
            Some(version) => set.find(version),
            // Flyway's repeatable ones have a description alone, with blanks.
            None => set.migrations.iter().find(|migration| {
                migration.origin.turn == Turn::Repeatable && migration.name.replace('_', " ") == name
            }),
        };
        match (cell(4), found) {
            (Some(GONE), found) => {
                adopted
                    .migrations
                    .retain(|one| found.is_none_or(|migration| migration.version != one.version));
                adopted.unknown.retain(|one| Some(one.version.as_str()) != version);
            }
            (Some(UP_TO), found) => up_to(adoption.tool, set, version, found, &mut adopted)?,
            (_, Some(migration)) => {
                adopted.migrations.retain(|one| one.version != migration.version);
                let comparison = compare(adoption.tool, migration, sum);
                adopted.migrations.push(AdoptedMigration { version: migration.version.clone(), comparison });
                if is_wide(migration, sum) {
                    adopted.width = Width::Wide;
                }
            }
            (_, None) => {
                let version = version.unwrap_or_default().to_owned();
                adopted.unknown.push(UnknownRow { version, name: name.to_owned() });
            }
        }
    }
    Ok(adopted)
}

/// All that is not beyond a version.
fn up_to(
    tool: Format,
    set: &MigrationSet,
    version: Option<&str>,
    found: Option<&Migration>,
    adopted: &mut Adopted,
) -> Result<(), AdoptionError> {
    let version = version.unwrap_or_default();
    // Flyway's baseline need not be a file's; golang-migrate's version always is.
    if found.is_none() && tool == Format::GolangMigrate {
        return Err(AdoptionError::NoFile { tool, version: version.to_owned() });
    }
    let within = |migration: &&Migration| {
        migration.origin.turn != Turn::Repeatable
            && formats::order(set.format, &migration.version.0, version).is_some_and(Ordering::is_le)
    };
    let one = |migration: &Migration| AdoptedMigration {
        version: migration.version.clone(),
        comparison: Comparison::Unknown,
    };
    adopted.migrations.extend(set.migrations.iter().filter(within).map(one));
    Ok(())
}

fn compare(tool: Format, migration: &Migration, stored: Option<&str>) -> Comparison {
    let mut sums = migration.origin.sums.iter().filter(|sum| sum.tool == tool).peekable();
    match stored {
        Some(stored) if sums.peek().is_some() => match sums.find(|sum| sum.text == stored) {
            Some(_) => Comparison::Same,
            None => Comparison::Differs { stored: stored.to_owned() },
        },
        _ => Comparison::Unknown,
    }
}

/// Whether refinery's stored checksum is the one over 64 bits, where both could be.
fn is_wide(migration: &Migration, stored: Option<&str>) -> bool {
    let sums: Vec<_> = migration.origin.sums.iter().filter(|sum| sum.tool == Format::Refinery).collect();
    sums.last().is_some_and(|sum| Some(sum.text.as_str()) == stored)
}
