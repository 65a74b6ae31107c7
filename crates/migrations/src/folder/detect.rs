//! Which convention a folder follows, from the names of its files and the markers in them.
//!
//! Where two conventions read the very same files the same way, one is taken and the other is named; where they would read them
//! differently, that is an error which names both.

use std::collections::BTreeMap;

use super::FolderError;
use crate::format::Format;
use crate::formats::{bascule, dbmate, flyway, golang_migrate, goose, leading_digits, refinery, sqlx};
use crate::text::File;

/// What was found.
pub(super) struct Detected {
    pub format: Format,
    pub why: String,
    pub equally: Vec<Format>,
}

/// The first file that speaks for each convention.
type Evidence<'a> = BTreeMap<Format, &'a File>;

/// Decides.
pub(super) fn detect(files: &[&File]) -> Result<Detected, FolderError> {
    let mut evidence = Evidence::new();
    let mut plain: Option<&File> = None;
    for file in files {
        match speaks_for(file) {
            Spoken::Format(format) => {
                evidence.entry(format).or_insert(file);
            }
            Spoken::PlainNumbered => plain = plain.or(Some(file)),
            Spoken::Nothing => {}
        }
    }
    pairs(files, plain, &mut evidence);
    letters(files, &mut evidence);
    // A numbered file without markers speaks for sqlx, unless others say what it is: then it is a file without its markers.
    if evidence.is_empty()
        && let Some(file) = plain
    {
        evidence.insert(Format::Sqlx, file);
    }
    let mut found = evidence.iter();
    match (found.next(), found.next()) {
        (Some((first, one)), Some((second, other))) => Err(FolderError::Ambiguous {
            first: *first,
            first_path: one.path.clone(),
            second: *second,
            second_path: other.path.clone(),
        }),
        (Some((format, file)), None) => Ok(decided(*format, file, files)),
        (None, _) => nothing(files),
    }
}

/// Whether a file follows our own convention. A folder of nothing but such files is decided for it: none of them speaks for another one.
pub(super) fn is_ours(file: &File) -> bool {
    matches!(speaks_for(file), Spoken::Format(Format::Bascule))
}

enum Spoken {
    Format(Format),
    PlainNumbered,
    Nothing,
}

fn speaks_for(file: &File) -> Spoken {
    if file.path.split_once('/').is_some_and(|(_, inside)| matches!(inside, "up.sql" | "down.sql")) {
        return Spoken::Format(Format::Diesel);
    }
    let name = file.name();
    if !file.on_top()
        || golang_migrate::parse(name).is_some()
        || !name.ends_with(".sql")
        || leading_digits(name) == 0
    {
        return Spoken::Nothing;
    }
    let text = String::from_utf8_lossy(&file.bytes);
    for line in text.trim_start_matches('\u{feff}').lines() {
        if dbmate::marker(line).is_some() {
            return Spoken::Format(Format::Dbmate);
        }
        if goose::annotated(line) && name.contains('_') {
            return Spoken::Format(Format::Goose);
        }
        if bascule::parse_name(name).is_some() && bascule::is_section(line) {
            return Spoken::Format(Format::Bascule);
        }
    }
    if sqlx::parse(name).is_some() { Spoken::PlainNumbered } else { Spoken::Nothing }
}

/// Up and down in two files: sqlx's where only sqlx would read them so, else golang-migrate's.
fn pairs<'a>(files: &[&'a File], plain: Option<&File>, evidence: &mut Evidence<'a>) {
    let paired: Vec<&&File> =
        files.iter().filter(|file| file.on_top() && golang_migrate::parse(file.name()).is_some()).collect();
    let Some(first) = paired.first() else { return };
    let marked = |file: &&&&File| file.bytes.starts_with(sqlx::NO_TRANSACTION.as_bytes());
    let format = match paired.iter().find(marked) {
        Some(_) => Format::Sqlx,
        // golang-migrate leaves a file without a side out; sqlx does not.
        None if plain.is_some() => Format::Sqlx,
        None => Format::GolangMigrate,
    };
    evidence.insert(format, first);
}

/// `V1__x.sql` and the like: what only one of the two tools knows decides.
fn letters<'a>(files: &[&'a File], evidence: &mut Evidence<'a>) {
    let (mut only_flyway, mut only_refinery, mut both) = (None, None, None);
    // Flyway would replace `${…}`, refinery would not.
    let mut replaced: Option<&File> = None;
    let versioned = |version: &str| {
        files.iter().any(|file| {
            let stem = file.name().strip_suffix(".sql").unwrap_or_default();
            matches!(flyway::parse(stem), Some((flyway::Kind::Versioned, other, _)) if flyway::parts(other) == flyway::parts(version))
        })
    };
    for file in files {
        let (stem, extension) = file.name().rsplit_once('.').unwrap_or((file.name(), ""));
        let Some((kind, version, _)) = flyway::parse(stem) else { continue };
        let refinery = refinery::parse(file.name());
        let slot = match (extension, kind) {
            ("rs", _) if refinery.is_some() => &mut only_refinery,
            ("java" | "class" | "kt", _) => &mut only_flyway,
            ("sql", flyway::Kind::Repeatable | flyway::Kind::Baseline) => &mut only_flyway,
            // Beside the version that it undoes it is Flyway's; alone it is refinery's, which Flyway could not undo.
            ("sql", flyway::Kind::Undo) if versioned(version) => &mut only_flyway,
            ("sql", flyway::Kind::Undo) => &mut only_refinery,
            ("sql", flyway::Kind::Versioned) if refinery.is_none() || version.contains(['.', '_']) => {
                &mut only_flyway
            }
            ("sql", flyway::Kind::Versioned) => {
                let text = String::from_utf8_lossy(&file.bytes);
                if flyway::script::placeholder(&text).is_some() {
                    replaced = replaced.or(Some(*file));
                }
                &mut both
            }
            _ => continue,
        };
        *slot = slot.or(Some(*file));
    }
    // A file of settings beside a script is Flyway's.
    let beside = files.iter().find(|file| file.name().ends_with(".sql.conf"));
    let mut speak = |format: Format, file: &'a File| {
        evidence.insert(format, file);
    };
    match (only_flyway.or(beside.copied()), only_refinery) {
        (Some(flyway), Some(refinery)) => {
            speak(Format::Flyway, flyway);
            speak(Format::Refinery, refinery);
        }
        (Some(flyway), None) => speak(Format::Flyway, flyway),
        (None, Some(refinery)) => speak(Format::Refinery, refinery),
        (None, None) => match (replaced, both) {
            (Some(file), _) => {
                speak(Format::Flyway, file);
                speak(Format::Refinery, file);
            }
            (None, Some(file)) => speak(Format::Flyway, file),
            (None, None) => {}
        },
    }
}

fn decided(format: Format, file: &File, files: &[&File]) -> Detected {
    let path = &file.path;
    let mut equally = vec![];
    let why = match format {
        Format::Bascule => format!("`{path}` has sections of its own (`-- expand`, …)"),
        Format::Dbmate => format!("`{path}` has `-- migrate:up`"),
        Format::Goose => format!("`{path}` has `-- +goose Up`"),
        Format::Diesel => format!("`{path}` is in a folder of its own, as Diesel has it"),
        Format::Sqlx if golang_migrate::parse(file.name()).is_some() => {
            format!("`{path}` is one of two sides, and there are files that only sqlx reads")
        }
        Format::Sqlx => format!("`{path}` has a number and no markers"),
        Format::GolangMigrate => {
            let sql = |file: &&&File| {
                golang_migrate::parse(file.name()).is_some_and(|(.., extension)| extension != "sql")
            };
            if files.iter().find(sql).is_none() {
                equally.push(Format::Sqlx);
                format!(
                    "`{path}` is one of two sides, as golang-migrate has it; sqlx would read the same from these files"
                )
            } else {
                format!("`{path}` is one of two sides, as golang-migrate has it")
            }
        }
        Format::Refinery => format!("`{path}` is named as refinery has it"),
        Format::Flyway => {
            let simple = |file: &&File| {
                !file.path.ends_with(".sql")
                    || matches!(refinery::parse(file.name()), Some(('V', version, ..)) if !version.contains('.'))
            };
            if files.iter().all(simple) && !files.iter().any(|file| file.name().ends_with(".conf")) {
                equally.push(Format::Refinery);
                format!("`{path}` is named as Flyway has it; refinery would read the same from these files")
            } else {
                format!("`{path}` is named as Flyway has it")
            }
        }
    };
    Detected { format, why, equally }
}

/// An empty folder will be ours; one with SQL in it that nobody reads is a mistake.
fn nothing(files: &[&File]) -> Result<Detected, FolderError> {
    let Some(first) = files.iter().find(|file| file.path.ends_with(".sql")) else {
        let why = "the folder holds no migrations yet".to_owned();
        return Ok(Detected { format: Format::Bascule, why, equally: vec![] });
    };
    let hint = match first.path.split_once('/') {
        Some((folder, _)) => {
            format!(" (if the migrations are in `{folder}`, set `migrations` to that folder)")
        }
        None => String::new(),
    };
    Err(FolderError::Unknown { path: first.path.clone(), hint })
}
