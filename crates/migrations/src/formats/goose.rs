//! goose: `<number>_<name>.sql` in the folder itself, in the order of the numbers, with `-- +goose` annotations.

mod parse;

use super::{Plain, no_duplicates, number};
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, Transactions, Turn};
use crate::text::File;

/// Whether a line is an annotation.
pub(crate) fn annotated(line: &str) -> bool {
    line.trim_start().starts_with("--") && line.contains("+goose")
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut list = vec![];
    for file in files {
        let name = file.name();
        if !file.on_top() {
            reading.note(&file.path, "is in a subfolder, where goose does not look");
            continue;
        }
        let program = name.ends_with(".go") && !name.ends_with("_test.go");
        let version = name
            .split_once('_')
            .map(|(version, _)| version)
            .filter(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(version) = version.filter(|_| program || name.ends_with(".sql")) else {
            reading.note(&file.path, "is no migration of goose (`<number>_<name>.sql`)");
            continue;
        };
        if program {
            return Err(FolderError::Program { path: file.path.clone(), tool: Format::Goose });
        }
        let number = number(&file.path, version, Format::Goose)?;
        if number < 1 {
            let reason = "goose wants a version above zero: give the file another number".to_owned();
            return Err(FolderError::Name { path: file.path.clone(), reason });
        }
        list.push((number, migration(file, version, reading)?));
    }
    list.sort_by_key(|(number, _)| *number);
    let list: Vec<Migration> = list.into_iter().map(|(_, migration)| migration).collect();
    no_duplicates(Format::Goose, &list)?;
    Ok(list)
}

fn migration(file: &File, version: &str, reading: &mut Reading) -> Result<Migration, FolderError> {
    let up = file.text()?;
    let parsed = parse::parse(&file.path, &up, reading)?;
    let name = file.name().strip_suffix(".sql").and_then(|stem| stem.split_once('_'));
    Ok(Plain {
        format: Format::Goose,
        version: version.to_owned(),
        name: name.map(|(_, name)| name.to_owned()).unwrap_or_default(),
        path: &file.path,
        statements: parsed.up,
        up,
        down_file: None,
        down: parsed.down,
        transactions: parsed.transactions,
        turn: Turn::Ordered,
        sums: vec![],
    }
    .migration())
}

/// What a file of goose says.
struct Parsed {
    up: Vec<bascule_sql::Statement>,
    down: Option<Vec<bascule_sql::Statement>>,
    transactions: Transactions,
}
