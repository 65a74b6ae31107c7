//! Diesel: one folder for each migration, `<version>_<name>/up.sql` and perhaps `down.sql` and `metadata.toml`. The version is what
//! stands before the first `_`, without its dashes, and is ordered as text; so `2026-01-01-120000_…` and `20260101120000_…` may stand
//! side by side.

use std::collections::BTreeMap;

use super::paired::down;
use super::{Plain, no_duplicates};
use crate::folder::{FolderError, Reading};
use crate::format::Format;
use crate::migration::{Migration, Transactions, Turn};
use crate::text::File;

/// The files of one migration.
#[derive(Default)]
struct Folder<'a> {
    up: Option<&'a File>,
    down: Option<&'a File>,
    metadata: Option<&'a File>,
    first: &'a str,
}

/// Reads a folder.
pub(crate) fn read(files: &[&File], reading: &mut Reading) -> Result<Vec<Migration>, FolderError> {
    let mut folders: BTreeMap<&str, Folder<'_>> = BTreeMap::new();
    for file in files {
        let Some((name, inside)) = file.path.split_once('/') else {
            reading.note(&file.path, "lies beside the folders, where Diesel does not look");
            continue;
        };
        let folder = folders.entry(name).or_insert_with(|| Folder { first: &file.path, ..Folder::default() });
        match inside {
            "up.sql" => folder.up = Some(file),
            "down.sql" => folder.down = Some(file),
            "metadata.toml" => folder.metadata = Some(file),
            _ => reading.note(&file.path, "is neither `up.sql`, `down.sql` nor `metadata.toml`"),
        }
    }
    let mut list = vec![];
    for (name, folder) in folders {
        let (version, title) = name.split_once('_').unwrap_or((name, ""));
        let version = version.replace('-', "");
        let Some(file) = folder.up else {
            return Err(match folder.down {
                Some(down) => FolderError::DownWithoutUp { path: down.path.clone(), version },
                None => FolderError::Name {
                    path: folder.first.to_owned(),
                    reason: format!(
                        "the folder `{name}` has no `up.sql`, which Diesel refuses: add it, or move the folder out"
                    ),
                },
            });
        };
        list.push(migration(file, &folder, version, title, reading)?);
    }
    list.sort_by(|one, other| one.version.cmp(&other.version));
    no_duplicates(Format::Diesel, &list)?;
    Ok(list)
}

fn migration(
    file: &File,
    folder: &Folder<'_>,
    version: String,
    title: &str,
    reading: &mut Reading,
) -> Result<Migration, FolderError> {
    let up = file.text()?;
    if file.bytes.is_empty() {
        reading.note(&file.path, "is empty, which Diesel refuses to run; here it does nothing");
    }
    let (down_file, down) = down(folder.down, reading)?;
    let transactions = match folder.metadata {
        Some(metadata) => transactions(metadata, reading),
        None => Transactions::Usual,
    };
    Ok(Plain {
        format: Format::Diesel,
        version,
        name: title.to_owned(),
        path: &file.path,
        statements: reading.statements(&file.path, &up, 1)?,
        up,
        down_file,
        down,
        transactions,
        turn: Turn::Ordered,
        sums: vec![],
    }
    .migration())
}

/// As Diesel reads it: a file without the key means no transaction, one that is no TOML means the usual.
fn transactions(file: &File, reading: &mut Reading) -> Transactions {
    let text = file.text().unwrap_or_default();
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(_) => {
            reading.note(&file.path, "is no TOML, so Diesel does not heed it");
            return Transactions::Usual;
        }
    };
    match table.get("run_in_transaction") {
        Some(toml::Value::Boolean(true)) => Transactions::Usual,
        Some(toml::Value::Boolean(false)) => Transactions::None,
        Some(_) => {
            reading.note(
                &file.path,
                "has a `run_in_transaction` that is no boolean, so Diesel does not heed it",
            );
            Transactions::Usual
        }
        None => {
            let text = "has no `run_in_transaction`, which Diesel takes for false: the migration runs without a transaction";
            reading.note(&file.path, text);
            Transactions::None
        }
    }
}
