//! dbmate: `<digits>….sql` in the folder itself, in the order of the file names as text (`10_…` before `9_…`), each with
//! `-- migrate:up` and `-- migrate:down`.

use super::{Plain, leading_digits, no_duplicates};
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, Transactions, Turn};
use crate::text::{File, only_comments};

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut list = vec![];
    for file in files {
        if !file.on_top() {
            reading.note(&file.path, "is in a subfolder, where dbmate does not look");
            continue;
        }
        let digits = leading_digits(file.name());
        if digits == 0 || !file.name().ends_with(".sql") {
            reading.note(&file.path, "is no migration of dbmate (`<digits>_<name>.sql`)");
            continue;
        }
        list.push(migration(file, digits, reading)?);
    }
    no_duplicates(Format::Dbmate, &list)?;
    Ok(list)
}

/// Whether a line is a marker, and what stands behind it.
pub(crate) fn marker(line: &str) -> Option<(&'static str, &str)> {
    let rest = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?;
    let (side, options) = match (rest.strip_prefix("up"), rest.strip_prefix("down")) {
        (Some(options), _) => ("up", options),
        (None, Some(options)) => ("down", options),
        (None, None) => return None,
    };
    (options.is_empty() || options.starts_with(char::is_whitespace)).then(|| (side, options.trim()))
}

struct Section<'a> {
    side: &'static str,
    options: &'a str,
    line: usize,
    text: String,
}

fn migration(file: &File, digits: usize, reading: &mut Reading) -> Result<Migration, FolderError> {
    let up = file.text()?;
    let sections = sections(file, &up)?;
    let (mut statements, mut down) = (vec![], vec![]);
    let mut transactions = Transactions::Usual;
    for section in &sections {
        let read = reading.statements(&file.path, &section.text, section.line + 1)?;
        if section.side == "down" {
            down.extend(read);
        } else {
            statements.extend(read);
            if section.options.split_whitespace().any(|option| option == "transaction:false") {
                transactions = Transactions::None;
            }
        }
    }
    if sections.len() > 2 {
        reading.note(&file.path, "has several `-- migrate:up`; they are applied one after the other");
    }
    let name = file.name();
    let rest = name.get(digits..).and_then(|rest| rest.strip_suffix(".sql")).unwrap_or_default();
    Ok(Plain {
        format: Format::Dbmate,
        version: name.get(..digits).unwrap_or_default().to_owned(),
        name: rest.trim_start_matches(['_', '-']).to_owned(),
        path: &file.path,
        statements,
        up,
        down_file: None,
        down: Some(down),
        transactions,
        turn: Turn::Ordered,
        sums: vec![],
    }
    .migration())
}

/// Up, down, and again, as the tool demands it.
fn sections<'a>(file: &File, text: &'a str) -> Result<Vec<Section<'a>>, FolderError> {
    let wrong = |line: usize, reason: &str| FolderError::Marker {
        path: file.path.clone(),
        line,
        reason: reason.to_owned(),
    };
    let mut sections: Vec<Section<'a>> = vec![];
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let before = sections.last().map(|section| section.side);
        match marker(line) {
            Some(("down", _)) if before.is_none() => {
                return Err(wrong(number, "dbmate wants `-- migrate:up` before `-- migrate:down`"));
            }
            Some(("down", _)) if before == Some("down") => {
                return Err(wrong(
                    number,
                    "a second `-- migrate:down`: each follows an `-- migrate:up` of its own",
                ));
            }
            Some(("up", _)) if before == Some("up") => {
                return Err(wrong(
                    number,
                    "a second `-- migrate:up` before `-- migrate:down`: each up side wants its down side",
                ));
            }
            Some((side, options)) => {
                sections.push(Section { side, options, line: number, text: String::new() });
            }
            None => match sections.last_mut() {
                Some(section) => {
                    section.text.push_str(line);
                    section.text.push('\n');
                }
                None if !only_comments(line) => {
                    return Err(wrong(number, "a statement before `-- migrate:up`: move it below that line"));
                }
                None => {}
            },
        }
    }
    let last = text.lines().count().max(1);
    match sections.last() {
        None => Err(wrong(last, "no `-- migrate:up`: dbmate wants one before the statements")),
        Some(section) if section.side == "up" => {
            Err(wrong(last, "no `-- migrate:down`: dbmate wants one in each file, be it empty"))
        }
        Some(_) => Ok(sections),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_as_the_tool_reads_them() {
        for (line, wanted) in [
            ("-- migrate:up", Some(("up", ""))),
            ("--migrate:up", Some(("up", ""))),
            ("--   migrate:down", Some(("down", ""))),
            ("-- migrate:up transaction:false", Some(("up", "transaction:false"))),
            ("-- migrate:upward", None),
            (" -- migrate:up", None),
            ("-- migrate: up", None),
        ] {
            assert_eq!(marker(line), wanted, "{line}");
        }
    }
}
