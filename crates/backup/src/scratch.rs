//! Reading a backup into an empty database, and comparing what came of it with what is known of the backup.

use std::path::Path;
use std::process::Stdio;

use bascule_migrate::tools::Owners;
use bascule_migrate::{Address, Connection};
use bascule_sql::Dialect;

use crate::backup::Backups;
use crate::content::{Sums, open};
use crate::count::count;
use crate::create::{APPLICATION, schema};
use crate::error::{BackupError, query};
use crate::manifest::{Counted, Manifest};

/// How much of a backup is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All.
    Whole,
    /// Without what would run by itself.
    Still,
}

impl Backups {
    /// Reads a backup into a database of a server that is empty.
    pub(crate) async fn load(
        &self,
        manifest: &Manifest,
        into: &Address,
        owners: Owners,
        extent: Extent,
    ) -> Result<(), BackupError> {
        let connection = Connection::open(into, APPLICATION).await?;
        let server = connection.server();
        connection.close().await;
        let content = self.place.content(manifest, self.tools.scratch()).await?;
        let mut running =
            self.tools.load(into, server, owners).await?.start(Stdio::piped(), Stdio::null())?;
        let Some(mut input) = running.child.stdin.take() else { return Ok(running.finish().await?) };
        let most = if extent == Extent::Still { manifest.runs_from } else { None };
        let sums = open(content.path(), &self.key, manifest.id.as_str(), most, &mut input).await?;
        drop(input);
        running.finish().await?;
        is_what_was_sealed(manifest, &sums)
    }

    /// Writes a backup of SQLite as a file.
    pub(crate) async fn write(&self, manifest: &Manifest, to: &Path) -> Result<(), BackupError> {
        let content = self.place.content(manifest, self.tools.scratch()).await?;
        let writing = "writing the database's file";
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut output = options.open(to).await.map_err(crate::error::written(writing, to))?;
        let sums = open(content.path(), &self.key, manifest.id.as_str(), None, &mut output).await?;
        is_what_was_sealed(manifest, &sums)?;
        output.sync_all().await.map_err(crate::error::written(writing, to))
    }
}

fn is_what_was_sealed(manifest: &Manifest, sums: &Sums) -> Result<(), BackupError> {
    let same = sums.sha256 == manifest.sha256
        && sums.plain_sha256 == manifest.plain_sha256
        && sums.plain_bytes == manifest.plain_bytes;
    if same { Ok(()) } else { Err(differs(manifest, "its content is another than was taken")) }
}

pub(crate) fn differs(manifest: &Manifest, what: impl Into<String>) -> BackupError {
    BackupError::Differs { id: manifest.id.to_string(), what: what.into() }
}

/// Compares schema, rows and contents.
pub(crate) async fn compare(manifest: &Manifest, restored: &Address) -> Result<(), BackupError> {
    let mut connection = Connection::open(restored, APPLICATION).await?;
    let outcome = compared(manifest, &mut connection).await;
    connection.close().await;
    outcome
}

async fn compared(manifest: &Manifest, connection: &mut Connection) -> Result<(), BackupError> {
    let reading = "reading what was restored";
    if manifest.dialect == Dialect::Sqlite {
        let found = connection.value("PRAGMA integrity_check").await.map_err(query(reading))?;
        if found.as_deref() != Some("ok") {
            return Err(differs(manifest, found.unwrap_or_default()));
        }
    }
    if schema(connection).await? != manifest.schema {
        return Err(differs(manifest, "the schema is another"));
    }
    if manifest.dialect == Dialect::Postgres {
        connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(query(reading))?;
    }
    let counts = count(connection).await.map_err(query(reading))?;
    for table in &manifest.tables {
        let name = &table.name;
        let Some((count, sum)) = counts.get(name) else {
            return Err(differs(manifest, format!("the table {name} is missing")));
        };
        match &table.rows {
            Counted::Exactly { count: expected, .. } if count != expected => {
                return Err(differs(manifest, format!("{name} has {count} rows, not {expected}")));
            }
            Counted::Exactly { sum: expected, .. } if sum != expected => {
                return Err(differs(manifest, format!("the rows of {name} are others")));
            }
            _ => {}
        }
    }
    if counts.len() != manifest.tables.len() {
        return Err(differs(manifest, "it has more tables"));
    }
    Ok(())
}
