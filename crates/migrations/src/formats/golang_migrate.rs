//! golang-migrate: `<number>_<name>.up.<anything>` and `….down.<anything>` in the folder itself, in the order of the numbers.

use super::paired::{Pairs, Side, Sides, down};
use super::{Plain, leading_digits, number};
use crate::checksum;
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, ToolSum, Transactions, Turn};
use crate::text::File;

/// Number, name, side and extension of a file's name. As the tool has it, the last `.up.` or `.down.` decides, and any extension does.
pub(crate) fn parse(name: &str) -> Option<(&str, &str, &'static str, &str)> {
    let digits = leading_digits(name);
    let rest = name.get(digits..)?.strip_prefix('_').filter(|_| digits > 0)?;
    let up = rest.rfind(".up.").map(|at| (at, "up"));
    let down = rest.rfind(".down.").map(|at| (at, "down"));
    let (at, side) = up.max(down)?;
    let extension = rest.get(at + side.len() + 2..)?;
    Some((name.get(..digits)?, rest.get(..at)?, side, extension))
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut pairs = Pairs::default();
    for file in files {
        if !file.on_top() {
            reading.note(&file.path, "is in a subfolder, where golang-migrate does not look");
            continue;
        }
        let Some((digits, name, side, _)) = parse(file.name()) else {
            reading.note(&file.path, "is no migration of golang-migrate (`<number>_<name>.up.sql`)");
            continue;
        };
        let side = if side == "up" { Side::Up } else { Side::Down };
        pairs.add(number(&file.path, digits, Format::GolangMigrate)?, side, file, name.to_owned())?;
    }
    let mut list = vec![];
    for Sides { up: file, name, down: down_side } in pairs.complete()? {
        let up = file.text()?;
        let (down_file, down) = down(down_side, reading)?;
        let version = file.name().get(..leading_digits(file.name())).unwrap_or_default().to_owned();
        list.push(
            Plain {
                format: Format::GolangMigrate,
                version,
                name,
                path: &file.path,
                statements: reading.statements(&file.path, &up, 1)?,
                up,
                down_file,
                down,
                transactions: Transactions::Usual,
                turn: Turn::Ordered,
                // The same files are sqlx's: whose table there is, is not known here.
                sums: vec![ToolSum { tool: Format::Sqlx, text: checksum::sqlx(&file.bytes) }],
            }
            .migration(),
        );
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_tool_reads_them() {
        for (name, wanted) in [
            ("1_a.up.sql", Some(("1", "a", "up", "sql"))),
            ("000001_add users.down.sql", Some(("000001", "add users", "down", "sql"))),
            ("1_a.up.b.down.sql", Some(("1", "a.up.b", "down", "sql"))),
            ("1_.up.sql", Some(("1", "", "up", "sql"))),
            ("1_a.up.cypher", Some(("1", "a", "up", "cypher"))),
            ("1_a.up.", Some(("1", "a", "up", ""))),
            ("1_a.sql", None),
            ("a.up.sql", None),
            ("1-a.up.sql", None),
        ] {
            assert_eq!(parse(name), wanted, "{name}");
        }
    }
}
