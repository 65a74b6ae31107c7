//! A new migration, in the convention that the folder follows already: names and texts of the files, which somebody else writes.

use crate::folder::MigrationSet;
use crate::format::Format;
use crate::migration::{Turn, Version};

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path, relative to the folder.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The files of a new migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMigration {
    /// Its version.
    pub version: Version,
    /// One, or two where up and down are apart.
    pub files: Vec<NewFile>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The name has nothing that could stand in a file's name.
    #[error("`{0}` is no name for a migration: it needs a letter or a digit, as `add_users`")]
    Name(String),
}

/// A new migration of that name. `now` is the time as `20260101120000`, in UTC; where the folder counts (`0001`, `0002`), the next
/// number is taken instead. It comes after all that are there.
///
/// # Errors
/// When nothing of the name is left for a file's name.
pub fn create(set: &MigrationSet, name: &str, now: &str) -> Result<NewMigration, CreateError> {
    let word = word(name).ok_or_else(|| CreateError::Name(name.to_owned()))?;
    let version = next(set, now);
    let file = |path: String, text: &str| NewFile { path, text: text.to_owned() };
    let paired = || set.migrations.iter().any(|migration| migration.down_file.is_some());
    let two = || {
        vec![
            file(format!("{version}_{word}.up.sql"), "-- Applied before the new release starts.\n"),
            file(format!("{version}_{word}.down.sql"), "-- Takes the up side back.\n"),
        ]
    };
    let files = match set.format {
        Format::Bascule => vec![file(format!("{version}_{word}.sql"), OWN)],
        Format::Dbmate => {
            vec![file(format!("{version}_{word}.sql"), "-- migrate:up\n\n\n-- migrate:down\n\n")]
        }
        Format::Goose => vec![file(format!("{version}_{word}.sql"), "-- +goose Up\n\n\n-- +goose Down\n\n")],
        Format::GolangMigrate => two(),
        Format::Sqlx if paired() => two(),
        Format::Sqlx => {
            vec![file(format!("{version}_{word}.sql"), "-- Applied before the new release starts.\n")]
        }
        Format::Diesel => vec![
            file(format!("{version}_{word}/up.sql"), "-- Applied before the new release starts.\n"),
            file(format!("{version}_{word}/down.sql"), "-- Takes `up.sql` back.\n"),
        ],
        Format::Refinery | Format::Flyway => {
            vec![file(format!("V{version}__{word}.sql"), "-- Applied before the new release starts.\n")]
        }
    };
    // Diesel's folder may have dashes that are none of the version.
    let version = if set.format == Format::Diesel { version.replace('-', "") } else { version };
    Ok(NewMigration { version: Version(version), files })
}

const OWN: &str = "\
-- expand
-- Before the new release starts. The live one has to be able to go on.


-- down
-- Takes the expand back.


-- Also: `-- backfill table=… key=…` with one UPDATE, which runs in batches; `-- contract` with what goes when the
-- former release is gone; `-- check` with a query that returns no row when all is well; `-- recipe …` for renames,
-- changes of type and the like.
";

/// Letters, digits and `_`, which every convention takes.
fn word(name: &str) -> Option<String> {
    let mut word = String::new();
    for at in name.trim().chars() {
        if at.is_alphanumeric() {
            word.extend(at.to_lowercase());
        } else if !word.is_empty() && !word.ends_with('_') {
            word.push('_');
        }
    }
    let word = word.trim_end_matches('_');
    (!word.is_empty()).then(|| word.to_owned())
}

/// The next version: the time, unless the folder counts, or its last version is later than now.
fn next(set: &MigrationSet, now: &str) -> String {
    let ordered = set.migrations.iter().filter(|migration| migration.origin.turn != Turn::Repeatable);
    let Some(last) = ordered.map(|migration| migration.version.0.as_str()).next_back() else {
        return match set.format {
            Format::GolangMigrate => "000001".to_owned(),
            Format::Refinery | Format::Flyway => "1".to_owned(),
            Format::Diesel => dashed(now),
            Format::Bascule | Format::Dbmate | Format::Goose | Format::Sqlx => now.to_owned(),
        };
    };
    let whole = last.split('.').next().unwrap_or(last);
    let timed = whole.len() == now.len() && whole.bytes().all(|byte| byte.is_ascii_digit());
    if !timed {
        return after(whole);
    }
    let time = if whole < now { now.to_owned() } else { after(whole) };
    match set.format {
        Format::Diesel if set.migrations.iter().any(|migration| migration.path.contains('-')) => {
            dashed(&time)
        }
        _ => time,
    }
}

/// The number after this one, as wide.
fn after(version: &str) -> String {
    let width = version.len();
    match version.parse::<u64>() {
        Ok(number) => format!("{:0width$}", number + 1),
        Err(_) => "1".to_owned(),
    }
}

/// As Diesel writes the time.
fn dashed(time: &str) -> String {
    let part = |from: usize, to: usize| time.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}", part(0, 4), part(4, 6), part(6, 8), part(8, time.len()))
}
