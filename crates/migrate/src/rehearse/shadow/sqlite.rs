//! SQLite: a file of its own in the folder for what does not stay.

use std::fs::File;
use std::path::{Path, PathBuf};

use bascule_sql::Dialect;

use super::{Kept, Original, Shadow, open};
use crate::address::Address;
use crate::aside::{Name, Purpose};
use crate::connection::{Connection, literal};
use crate::error::{DatabaseError, Error};
use crate::rehearse::Request;
use crate::rehearse::error::{RehearseError, query};
use crate::rehearse::report::{How, Rows};
use crate::schema::{Filter, snapshot};

const BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
/// What makes the schema, in an order in which it can be made; tables that a virtual table keeps come with it.
const TEXTS: &str = "\
SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite^_%' ESCAPE '^' \
AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow') \
ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 2 WHEN 'trigger' THEN 3 ELSE 1 END, rowid";

pub(super) async fn make(request: &Request<'_>) -> Result<Shadow, RehearseError> {
    let file = |source| RehearseError::File { doing: "making a file for the rehearsal", source };
    let path = request.database.file().unwrap_or_default();
    if !Path::new(path).is_file() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(RehearseError::File { doing: "opening the database", source });
    }
    let name = std::path::absolute(path).map_err(file)?.to_string_lossy().into_owned();
    let folder = request.tools.scratch();
    std::fs::create_dir_all(folder).map_err(file)?;
    let cleaned = clean(folder, &name).map_err(file)?;

    let copy = Name::fresh(Purpose::Shadow, &name).map_err(file)?;
    let lock = File::create(folder.join(format!("{}.lock", copy.as_str()))).map_err(file)?;
    lock.try_lock().map_err(|error| file(error.into()))?;
    let target = folder.join(format!("{}.db", copy.as_str()));
    match fill(request, &target, name).await {
        Ok((connection, address, copied)) => {
            let kept = Kept::Sqlite { file: target, _lock: lock };
            Ok(Shadow {
                connection,
                address,
                copied,
                databases: Vec::new(),
                cleaned,
                settings: String::new(),
                kept,
            })
        }
        Err(error) => {
            let _ = remove(&target);
            Err(error)
        }
    }
}

async fn fill(
    request: &Request<'_>,
    target: &Path,
    name: String,
) -> Result<(Connection, Address, crate::rehearse::report::Copied), RehearseError> {
    let mut live = open(request.database).await?;
    let asking = "reading what the database is";
    let bytes = live.value(BYTES).await.map_err(query(asking))?;
    let bytes = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
    let schema = snapshot(&mut live, &Filter::default()).await.map_err(query("reading the schema"))?;
    let original = Original { name, bytes, schema };
    let rows = original.rows(request);
    let address = Address::parse(&format!("sqlite:{}", target.display()))?;
    let texts = match rows {
        Rows::All => {
            let into = literal(Dialect::Sqlite, &target.to_string_lossy());
            live.run(&format!("VACUUM INTO {into}")).await.map_err(query("copying the database"))?;
            Vec::new()
        }
        Rows::None => live.rows(TEXTS).await.map_err(query(asking))?,
    };
    live.close().await;
    let mut connection = open(&address).await?;
    build(&mut connection, texts)
        .await
        .map_err(|source| Error::Query { doing: "copying the schema", source })?;
    let copied = original.copied(&mut connection, How::File, rows).await?;
    Ok((connection, address, copied))
}

async fn build(connection: &mut Connection, texts: Vec<crate::connection::Row>) -> Result<(), DatabaseError> {
    for text in texts.into_iter().filter_map(|row| row.into_iter().next().flatten()) {
        connection.run(&text).await?;
    }
    Ok(())
}

/// The file and all that SQLite puts beside it.
pub(super) fn remove(file: &Path) -> std::io::Result<()> {
    for ending in ["db", "db-wal", "db-shm", "db-journal", "lock"] {
        match std::fs::remove_file(file.with_extension(ending)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn clean(folder: &Path, database: &str) -> std::io::Result<Vec<String>> {
    let mut cleaned = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        let name =
            path.file_stem().and_then(|stem| Name::of(Purpose::Shadow, database, &stem.to_string_lossy()));
        let Some(name) = name.filter(|_| path.extension().is_some_and(|ending| ending == "lock")) else {
            continue;
        };
        let free = File::open(&path).is_ok_and(|lock| lock.try_lock().is_ok());
        if free {
            remove(&path)?;
            cleaned.push(name.as_str().to_owned());
        }
    }
    Ok(cleaned)
}
