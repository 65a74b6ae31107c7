//! Our own: one file `<14 digits>_<name>.sql` with the sections `-- expand`, `-- backfill …`, `-- contract`, `-- down`, `-- check` and
//! with `-- recipe …` in their place. In the order of the digits.

mod assemble;
mod header;
mod keys;

use self::assemble::Assembly;
use self::header::{Header, Kind};
use super::no_duplicates;
use crate::checksum;
use crate::folder::{FolderError, Outline, Reading};
use crate::format::Format;
use crate::migration::{Migration, Origin, Transactions, Turn, Version};
use crate::shares;
use crate::text::{File, only_comments};

const DIGITS: usize = 14;

/// Version and name of a file's name.
pub(crate) fn parse_name(name: &str) -> Option<(&str, &str)> {
    let (version, title) = name.strip_suffix(".sql")?.split_once('_')?;
    let digits = version.len() == DIGITS && super::leading_digits(version) == DIGITS;
    (digits && !title.is_empty()).then_some((version, title))
}

/// Whether a line begins a section.
pub(crate) fn is_section(line: &str) -> bool {
    matches!(header::parse(line), Ok(Some(_)))
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut named = vec![];
    for file in files {
        if !file.path.ends_with(".sql") {
            reading.note(&file.path, "is no SQL");
            continue;
        }
        if !file.on_top() {
            reading.note(&file.path, "is in a subfolder, which is not looked into");
            continue;
        }
        let Some((version, name)) = parse_name(file.name()) else {
            return Err(FolderError::Name {
                path: file.path.clone(),
                reason: "a migration is named with 14 digits, `_` and a name, as `20260101120000_add_users.sql`: rename the file, or move it out"
                    .to_owned(),
            });
        };
        named.push((*file, version, name));
    }
    let reading = &*reading;
    let mut list = shares::each(&named, |(file, version, name)| migration(file, version, name, reading))?;
    list.sort_by(|one, other| one.version.cmp(&other.version));
    no_duplicates(Format::Bascule, &list)?;
    Ok(list)
}

/// Version and checksum; none where a file is no migration.
pub(crate) fn outline(file: &File) -> Option<Outline> {
    let (version, _) = parse_name(file.name()).filter(|_| file.on_top())?;
    Some(Outline { version: Version(version.to_owned()), checksum: checksum::of(file.raw().ok()?) })
}

/// A section: its header, and the text below it.
struct Section<'a> {
    header: Header,
    line: usize,
    text: &'a str,
    text_line: usize,
}

fn migration(file: &File, version: &str, name: &str, reading: &Reading) -> Result<Migration, FolderError> {
    let up = file.text()?;
    let mut assembly = Assembly::new(&file.path);
    for section in sections(file, &up, reading)? {
        if let Kind::Recipe = section.header.kind {
            let statements = reading.statements(&file.path, section.text, section.text_line)?;
            if let Some(statement) = statements.first() {
                let reason =
                    "a statement below a recipe: begin a section before it, `-- expand` for instance";
                return Err(wrong(file, statement.line, reason));
            }
            assembly.recipe(&section.header, section.line, reading.dialect)?;
        } else {
            let statements = reading.statements(&file.path, section.text, section.text_line)?;
            assembly.section(&section.header, section.line, statements)?;
        }
    }
    let assembled = assembly.finish();
    Ok(Migration {
        version: Version(version.to_owned()),
        name: name.to_owned(),
        path: file.path.clone(),
        checksum: checksum::of(&up),
        up,
        down_file: None,
        parts: assembled.parts,
        down: assembled.down,
        checks: assembled.checks,
        transactions: Transactions::Usual,
        origin: Origin { format: Format::Bascule, turn: Turn::Ordered, sums: vec![] },
        notes: vec![],
    })
}

fn wrong(file: &File, line: usize, reason: &str) -> FolderError {
    FolderError::Marker { path: file.path.clone(), line, reason: reason.to_owned() }
}

/// The sections of a file. Headers are comments of their own at a line's beginning: what stands in a string or in a body is none.
fn sections<'a>(file: &File, text: &'a str, reading: &Reading) -> Result<Vec<Section<'a>>, FolderError> {
    let comments = bascule_sql::comments(text, reading.dialect).map_err(|error| FolderError::Sql {
        path: file.path.clone(),
        line: error.line(),
        reason: crate::split::reason(&error),
    })?;
    let mut comments = comments
        .iter()
        .filter(|comment| comment.text.starts_with("--"))
        .filter(|comment| comment.start == 0 || text.as_bytes().get(comment.start - 1) == Some(&b'\n'))
        .peekable();
    let mut sections: Vec<Section<'a>> = vec![];
    let mut begins = vec![];
    while let Some(comment) = comments.next() {
        let (mut words, line, start) = (comment.text.clone(), comment.line, comment.start);
        let (mut end, mut last) = (comment.end, line);
        // A recipe may go on in the lines below, indented.
        while words.starts_with("-- recipe")
            && let Some(next) =
                comments.next_if(|next| next.line == last + 1 && next.text.starts_with("--  "))
        {
            words.push(' ');
            words.push_str(next.text.trim_start_matches('-').trim());
            (end, last) = (next.end, next.line);
        }
        let Some(header) = header::parse(&words).map_err(|reason| wrong(file, line, &reason))? else {
            continue;
        };
        begins.push((start, end));
        sections.push(Section { header, line, text: "", text_line: last + 1 });
    }
    let before = text.get(..begins.first().map_or(text.len(), |(start, _)| *start)).unwrap_or_default();
    if let Some(statement) = reading.statements(&file.path, before, 1)?.first() {
        let reason = "a statement before the first section: begin with `-- expand`";
        return Err(wrong(file, statement.line, reason));
    }
    if sections.is_empty() && !only_comments(before) {
        return Err(wrong(file, 1, "no section: begin with `-- expand`"));
    }
    for (at, section) in sections.iter_mut().enumerate() {
        let (_, end) = begins.get(at).copied().unwrap_or_default();
        let next = begins.get(at + 1).map_or(text.len(), |(start, _)| *start);
        // The line end of the header belongs to it.
        section.text =
            text.get(end..next).map(|text| text.strip_prefix('\n').unwrap_or(text)).unwrap_or_default();
    }
    Ok(sections)
}

/// The pairs behind a recipe's name, for tests of recipes.
#[cfg(test)]
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    keys::parse(text).map(|pairs| pairs.0).unwrap_or_default()
}
