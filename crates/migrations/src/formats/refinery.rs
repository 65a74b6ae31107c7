//! refinery: `V<number>__<name>.sql` in the folder and its subfolders, in the order of the numbers; `U<number>__<name>.sql` may come
//! whenever it is found. There is no down side.

use super::{Plain, leading_digits, no_duplicates, number};
use crate::checksum;
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, ToolSum, Transactions, Turn};
use crate::text::File;

/// Prefix, version, name and extension of a file's name. Names hold letters, digits and `_` alone: the tool leaves out what has more.
pub(crate) fn parse(name: &str) -> Option<(char, &str, &str, &str)> {
    let prefix = name.chars().next().filter(|prefix| matches!(prefix, 'V' | 'U'))?;
    let rest = name.get(1..)?;
    let (version, rest) = rest.split_once("__")?;
    let (whole, fraction) = version.split_once('.').unwrap_or((version, "0"));
    let digits = |text: &str| !text.is_empty() && leading_digits(text) == text.len();
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let (title, extension) = rest.rsplit_once('.')?;
    let word = |at: char| at.is_alphanumeric() || at == '_';
    (matches!(extension, "sql" | "rs") && !title.is_empty() && title.chars().all(word))
        .then_some((prefix, version, title, extension))
}

/// The checksums that refinery may have stored: which one depends on the width of its versions.
pub(crate) fn sums(title: &str, number: i64, sql: &str) -> Vec<ToolSum> {
    let narrow = i32::try_from(number).ok().map(|number| checksum::refinery(title, number, sql));
    let wide = checksum::refinery_wide(title, number, sql);
    let sum = |value: u64| ToolSum { tool: Format::Refinery, text: value.to_string() };
    narrow.into_iter().chain([wide]).map(sum).collect()
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut list = vec![];
    for file in files {
        let Some((prefix, version, title, extension)) = parse(file.name()) else {
            reading.note(
                &file.path,
                "is no migration of refinery (`V<number>__<name>.sql`, name in letters, digits and `_`)",
            );
            continue;
        };
        if extension == "rs" {
            return Err(FolderError::Program { path: file.path.clone(), tool: Format::Refinery });
        }
        if version.contains('.') {
            let reason = format!(
                "refinery cannot read the version {version}: it wants a whole number (Flyway takes it)"
            );
            return Err(FolderError::Name { path: file.path.clone(), reason });
        }
        let number = number(&file.path, version, Format::Refinery)?;
        let up = file.text()?;
        let migration = Plain {
            format: Format::Refinery,
            version: version.to_owned(),
            name: title.to_owned(),
            path: &file.path,
            statements: reading.statements(&file.path, &up, 1)?,
            up,
            down_file: None,
            down: None,
            transactions: Transactions::Usual,
            turn: if prefix == 'U' { Turn::Unordered } else { Turn::Ordered },
            sums: sums(title, number, file.raw()?),
        };
        list.push((number, migration.migration()));
    }
    list.sort_by_key(|(number, _)| *number);
    let list: Vec<Migration> = list.into_iter().map(|(_, migration)| migration).collect();
    no_duplicates(Format::Refinery, &list)?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_tool_reads_them() {
        for (name, wanted) in [
            ("V1__initial.sql", Some(('V', "1", "initial", "sql"))),
            ("U20240504090241__initial.sql", Some(('U', "20240504090241", "initial", "sql"))),
            ("V3__größe.rs", Some(('V', "3", "größe", "rs"))),
            ("V1.2__x.sql", Some(('V', "1.2", "x", "sql"))),
            ("V1__a b.sql", None),
            ("V1__a-b.sql", None),
            ("V1_a.sql", None),
            ("v1__a.sql", None),
            ("V1first.sql", None),
        ] {
            assert_eq!(parse(name), wanted, "{name}");
        }
    }
}
