//! Flyway: `V<1.2.3>__<name>.sql` in the folder and its subfolders, ordered part by part; `U…` undoes the `V…` of its version;
//! `R__<name>.sql` runs after all of these, in the order of the names, and again at every change.

pub(crate) mod script;

use std::cmp::Ordering;

use bascule_sql::Statement;

use self::script::Configuration;
use super::{Plain, leading_digits, no_duplicates};
use crate::checksum;
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, Note, ToolSum, Turn};
use crate::text::File;

/// What a file is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Versioned,
    Undo,
    Baseline,
    Repeatable,
}

/// Kind, version (empty for repeatable ones) and description of a file's name without its extension.
pub(crate) fn parse(stem: &str) -> Option<(Kind, &str, &str)> {
    let kind = match stem.chars().next()? {
        'V' => Kind::Versioned,
        'U' => Kind::Undo,
        'B' => Kind::Baseline,
        'R' => Kind::Repeatable,
        _ => return None,
    };
    let (version, title) = stem.get(1..)?.split_once("__")?;
    let fits = if kind == Kind::Repeatable { version.is_empty() } else { parts(version).is_some() };
    fits.then_some((kind, version, title))
}

/// The parts of a version without leading zeros, and without zeros at the end: 1.0 is 1. None where it is no version.
pub(crate) fn parts(version: &str) -> Option<Vec<String>> {
    let mut parts = vec![];
    for part in version.split(['.', '_']) {
        if part.is_empty() || leading_digits(part) != part.len() {
            return None;
        }
        let digits = part.trim_start_matches('0');
        parts.push(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() });
    }
    while parts.len() > 1 && parts.last().is_some_and(|part| part == "0") {
        parts.pop();
    }
    Some(parts)
}

/// Numbers of any length, part by part.
pub(crate) fn compare(one: &[String], other: &[String]) -> Ordering {
    let longest = one.len().max(other.len());
    let part = |parts: &[String], at: usize| parts.get(at).cloned().unwrap_or_else(|| "0".to_owned());
    (0..longest)
        .map(|at| {
            let (one, other) = (part(one, at), part(other, at));
            one.len().cmp(&other.len()).then(one.cmp(&other))
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let (mut versioned, mut undos, mut baselines, mut repeatable) = (vec![], vec![], vec![], vec![]);
    for file in files {
        let Some(named) = named(file, reading)? else { continue };
        let (kind, version, title) = named;
        match kind {
            Kind::Undo => undos.push((file, version)),
            Kind::Baseline => baselines.push((file, version)),
            Kind::Versioned => versioned.push((parts(version).unwrap_or_default(), *file, version, title)),
            Kind::Repeatable => repeatable.push((*file, title)),
        }
    }
    versioned.sort_by(|one, other| compare(&one.0, &other.0));
    repeatable.sort_by(|one, other| one.1.cmp(other.1));
    for (file, version) in baselines {
        baseline(
            file,
            version,
            &versioned.iter().map(|(parts, ..)| parts.as_slice()).collect::<Vec<_>>(),
            reading,
        )?;
    }
    let mut list = vec![];
    for (_, file, version, title) in &versioned {
        list.push(migration(files, file, version, title, reading)?);
    }
    no_duplicates(Format::Flyway, &list)?;
    for (file, version) in undos {
        let wanted = parts(version);
        let Some(target) = list.iter_mut().find(|migration| parts(&migration.version.0) == wanted) else {
            return Err(FolderError::DownWithoutUp { path: file.path.clone(), version: version.to_owned() });
        };
        if target.down_file.is_some() {
            let reason = format!("a second undo for version {version}: keep one of them");
            return Err(FolderError::Name { path: file.path.clone(), reason });
        }
        let (text, statements) = text(files, file, reading)?;
        (target.down, target.down_file) = (Some(statements), Some(text));
    }
    for (file, title) in repeatable {
        list.push(migration(files, file, "", title, reading)?);
    }
    Ok(list)
}

/// What a file is; notes and refusals for what is none.
fn named<'a>(file: &'a File, reading: &mut Reading) -> Result<Option<(Kind, &'a str, &'a str)>, FolderError> {
    let name = file.name();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let parsed = parse(stem);
    if matches!(extension, "java" | "class" | "kt" | "groovy" | "py" | "ps1" | "sh" | "cmd" | "bat")
        && parsed.is_some()
    {
        return Err(FolderError::Program { path: file.path.clone(), tool: Format::Flyway });
    }
    if extension == "conf" {
        return Ok(None);
    }
    if !extension.eq_ignore_ascii_case("sql") {
        reading.note(&file.path, "is no migration of Flyway (`V<version>__<name>.sql`)");
        return Ok(None);
    }
    if parsed.is_none() {
        let callback = ["before", "after", "create"].iter().any(|begin| stem.starts_with(begin));
        let text = if callback {
            "is a callback of Flyway, which is not run here"
        } else if stem.starts_with(['V', 'U', 'B']) && stem.contains('_') && !stem.contains("__") {
            "has one `_` behind its version where Flyway wants two, so it is left out"
        } else {
            "is no migration of Flyway (`V<version>__<name>.sql`)"
        };
        reading.note(&file.path, text);
    }
    Ok(parsed)
}

/// A baseline script stands for all versions up to its own; where these are there, they are run instead.
fn baseline(
    file: &File,
    version: &str,
    versions: &[&[String]],
    reading: &mut Reading,
) -> Result<(), FolderError> {
    let own = parts(version).unwrap_or_default();
    if versions.iter().any(|parts| compare(parts, &own).is_le()) {
        reading.note(
            &file.path,
            "is a baseline script, which is not used: the versions that it stands for are there",
        );
        return Ok(());
    }
    Err(FolderError::Name {
        path: file.path.clone(),
        reason: format!(
            "the baseline script stands for versions up to {version} that are not there: rename it to `V{version}__…` to run it as a migration"
        ),
    })
}

fn text(files: &[&File], file: &File, reading: &Reading) -> Result<(String, Vec<Statement>), FolderError> {
    let configuration = Configuration::of(files, file)?;
    let text = file.text()?;
    configuration.refuse_placeholders(file, &text)?;
    let statements = reading.statements(&file.path, &text, 1)?;
    Ok((text, statements))
}

fn migration(
    files: &[&File],
    file: &File,
    version: &str,
    title: &str,
    reading: &mut Reading,
) -> Result<Migration, FolderError> {
    let configuration = Configuration::of(files, file)?;
    let (up, statements) = text(files, file, reading)?;
    let repeatable = version.is_empty();
    let mut sums = vec![ToolSum { tool: Format::Flyway, text: checksum::flyway(&up).to_string() }];
    // The same file may be refinery's: whose table there is, is not known here.
    if let (Some(('V', _, name, _)), Ok(number)) = (super::refinery::parse(file.name()), version.parse()) {
        sums.extend(super::refinery::sums(name, number, file.raw()?));
    }
    let mut migration = Plain {
        format: Format::Flyway,
        version: if repeatable { format!("R__{title}") } else { version.replace('_', ".") },
        name: title.to_owned(),
        path: &file.path,
        statements,
        up,
        down_file: None,
        down: None,
        transactions: configuration.transactions,
        turn: if repeatable { Turn::Repeatable } else { Turn::Ordered },
        sums,
    }
    .migration();
    if repeatable {
        migration.notes.push(Note::new(&file.path, "runs after all others, and again whenever it changes"));
    }
    Ok(migration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_tool_reads_them() {
        for (stem, wanted) in [
            ("V1__a", Some((Kind::Versioned, "1", "a"))),
            ("V1.2_3__add users", Some((Kind::Versioned, "1.2_3", "add users"))),
            ("V1__a__b", Some((Kind::Versioned, "1", "a__b"))),
            ("U2__undo", Some((Kind::Undo, "2", "undo"))),
            ("R__views", Some((Kind::Repeatable, "", "views"))),
            ("V1__", Some((Kind::Versioned, "1", ""))),
            ("V__a", None),
            ("V1_a", None),
            ("V1a__b", None),
            ("R1__views", None),
            ("beforeMigrate", None),
        ] {
            assert_eq!(parse(stem), wanted, "{stem}");
        }
    }

    #[test]
    fn versions_are_ordered_part_by_part() {
        let order =
            ["0.9", "1", "1.0.1", "1.1", "1.9", "1.10", "2", "10", "20260101120000", "20260101120000.1"];
        for pair in order.windows(2) {
            let [one, other] = [pair[0], pair[1]].map(|version| parts(version).unwrap());
            assert_eq!(compare(&one, &other), Ordering::Less, "{pair:?}");
        }
        assert_eq!(parts("01.0"), parts("1"));
        assert_eq!(parts("1..2"), None);
    }
}
