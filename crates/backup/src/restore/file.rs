//! SQLite: the new file takes the name of the former one.

use std::path::{Path, PathBuf};

use bascule_migrate::{Address, Connection};
use jiff::Timestamp;

use super::{Existing, occupied};
use crate::backup::Backups;
use crate::create::APPLICATION;
use crate::error::{BackupError, file, query};
use crate::manifest::Manifest;
use crate::scratch::compare;

const RESTORING: &str = "putting the file in its place";

impl Backups {
    pub(super) async fn restore_file(
        &self,
        manifest: &Manifest,
        database: &Address,
        existing: Existing,
        now: Timestamp,
    ) -> Result<Option<String>, BackupError> {
        let path = PathBuf::from(database.file().unwrap_or_default());
        let there = path.is_file();
        let table = if there { occupied(database).await? } else { None };
        if let (Some(table), Existing::Refuse) = (&table, existing) {
            return Err(BackupError::Occupied { database: path.display().to_string(), table: table.clone() });
        }
        // Beside it, so that it can take its place at once.
        let beside = tempfile::Builder::new().prefix(".bascule-restore-").tempdir_in(folder_of(&path));
        let beside = beside.map_err(file("making a folder beside the database"))?;
        let new = beside.path().join("restored.db");
        self.write(manifest, &new).await?;
        compare(manifest, &Address::parse(&format!("sqlite:{}", new.display()))?).await?;
        if let Ok(metadata) = std::fs::metadata(&path) {
            std::fs::set_permissions(&new, metadata.permissions()).map_err(file(RESTORING))?;
        }
        let mut former = None;
        if there {
            quiet(database, &path).await?;
            let kept = PathBuf::from(format!("{}.replaced-{}", path.display(), now.strftime("%Y%m%d%H%M%S")));
            // The new one takes the place in one step: there is a database at every moment.
            std::fs::hard_link(&path, &kept).map_err(file(RESTORING))?;
            former = Some(kept.display().to_string());
        }
        std::fs::rename(&new, &path).map_err(file(RESTORING))?;
        let folder = std::fs::File::open(folder_of(&path)).map_err(file(RESTORING))?;
        folder.sync_all().map_err(file(RESTORING))?;
        Ok(former)
    }
}

/// All of the former database is in its file, and nobody has it open in a way that would write into the new one's journal.
async fn quiet(database: &Address, path: &Path) -> Result<(), BackupError> {
    let mut connection = Connection::open(database, APPLICATION).await?;
    // Leaving WAL needs the file for itself; in the other modes this changes nothing, and the lock is asked for below.
    let mode = connection.value("PRAGMA journal_mode = DELETE").await.map_err(query(RESTORING));
    let locked = connection.run("BEGIN EXCLUSIVE; COMMIT").await;
    connection.close().await;
    if mode.is_err() || locked.is_err() {
        return Err(BackupError::Busy { database: path.display().to_string() });
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
