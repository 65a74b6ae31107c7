//! sqlx: `<number>_<name>.sql`, or `….up.sql` and `….down.sql`, in the folder itself, in the order of the numbers.

use super::Plain;
use super::paired::{Pairs, Side, Sides, down};
use crate::checksum;
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, ToolSum, Transactions, Turn};
use crate::text::File;

/// What a file must begin with, to the byte, to be run without a transaction.
pub(crate) const NO_TRANSACTION: &str = "-- no-transaction";

/// Version, name and side of a file's name; none for files that the tool leaves out.
pub(crate) fn parse(name: &str) -> Option<(&str, &str, &'static str)> {
    let (version, rest) = name.split_once('_')?;
    let rest = rest.strip_suffix(".sql")?;
    if let Some(name) = rest.strip_suffix(".down") {
        return Some((version, name, "down"));
    }
    Some((version, rest.strip_suffix(".up").unwrap_or(rest), "up"))
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut pairs = Pairs::default();
    for file in files {
        if !file.on_top() {
            reading.note(&file.path, "is in a subfolder, where sqlx does not look");
            continue;
        }
        let Some((version, name, side)) = parse(file.name()) else {
            reading.note(&file.path, "is no migration of sqlx (`<number>_<name>.sql`)");
            continue;
        };
        let side = if side == "down" { Side::Down } else { Side::Up };
        pairs.add(number(file, version)?, side, file, name.to_owned())?;
    }
    let mut list = vec![];
    for Sides { up: file, name, down: down_side } in pairs.complete()? {
        let raw = file.raw()?;
        let up = file.text()?;
        let alone = raw.starts_with(NO_TRANSACTION);
        if !alone && up.lines().any(|line| line.trim().starts_with(NO_TRANSACTION)) {
            let text =
                "`-- no-transaction` is not at the very beginning of the file, so sqlx does not see it";
            reading.note(&file.path, text);
        }
        let (down_file, down) = down(down_side, reading)?;
        let version = file.name().split_once('_').map(|(version, _)| version.to_owned()).unwrap_or_default();
        list.push(
            Plain {
                format: Format::Sqlx,
                version,
                name,
                path: &file.path,
                statements: reading.statements(&file.path, &up, 1)?,
                up,
                down_file,
                down,
                transactions: if alone { Transactions::None } else { Transactions::Usual },
                turn: Turn::Ordered,
                sums: vec![ToolSum { tool: Format::Sqlx, text: checksum::sqlx(&file.bytes) }],
            }
            .migration(),
        );
    }
    Ok(list)
}

/// sqlx refuses the whole folder for one name without a number, so that is an error here too.
fn number(file: &File, version: &str) -> Result<i64, FolderError> {
    let digits = version.strip_prefix(['+', '-']).unwrap_or(version);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return super::number(&file.path, version, Format::Sqlx);
    }
    Err(FolderError::Name {
        path: file.path.clone(),
        reason: format!(
            "sqlx wants a whole number before the first `_`, and `{version}` is none: rename the file or move it out"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_tool_reads_them() {
        for (name, wanted) in [
            ("1_a.sql", Some(("1", "a", "up"))),
            ("20260101120000_add users.up.sql", Some(("20260101120000", "add users", "up"))),
            ("1_a_b.down.sql", Some(("1", "a_b", "down"))),
            ("x_a.sql", Some(("x", "a", "up"))),
            ("1.sql", None),
            ("1_a.SQL", None),
            ("README.md", None),
        ] {
            assert_eq!(parse(name), wanted, "{name}");
        }
    }
}
