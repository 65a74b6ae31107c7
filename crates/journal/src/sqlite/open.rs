//! Opening the file, and making it.
//!
//! A new journal is made whole under another name and then linked into place, so that a file under the journal's name that is empty,
//! cut or foreign is always damage and never taken for a beginning.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::failure::{explain, folder};
use super::{SqliteJournal, schema, with_connection};
use crate::error::JournalError;
use crate::failure::{Failure, corrupt};

/// How long a call waits for another program's transaction.
const BUSY: Duration = Duration::from_secs(10);
/// How many calls can read at the same time.
const READERS: u32 = 3;
/// Up to this size a file is read whole when it is opened, in bytes: some tens of milliseconds.
const CHECKED_WHOLE: u64 = 8 * 1024 * 1024;

pub(super) async fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
    try_open(path).await.map_err(|failure| explain(failure, path))
}

async fn try_open(path: &Path) -> Result<SqliteJournal, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(corrupt("it is not a file")),
        Err(error) if error.kind() == ErrorKind::NotFound => create(path).await?,
        Err(error) => return Err(error.into()),
    }
    let length = look(path)?;
    // Whoever could read it so far, from now on it is the owner alone. Not ours to change: then SQLite says what it cannot do.
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    with_connection(&options(path), async |connection| {
        let version = schema::found(connection).await?;
        if version < schema::known() {
            let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
            // Another program may have been faster.
            let version = schema::found(&mut tx).await?;
            schema::migrate(&mut tx, version).await?;
            tx.commit().await?;
        }
        if length <= CHECKED_WHOLE {
            super::verify::structure(connection).await?;
        }
        Ok(())
    })
    .await?;
    Ok(SqliteJournal {
        path: path.to_owned(),
        writer: pool(1).connect_lazy_with(options(path)),
        readers: pool(READERS).connect_lazy_with(options(path).pragma("query_only", "ON")),
    })
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY)
        // A connection to a file does not age.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // Damage is found where it is, rather than by its consequences.
        .pragma("cell_size_check", "ON")
        .disable_statement_logging()
}

/// Looks at the file without SQLite, which would take an empty file for a new one. Answers its length in bytes.
fn look(path: &Path) -> Result<u64, Failure> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut header = [0_u8; 100];
    if let Err(error) = file.read_exact(&mut header) {
        return Err(match error.kind() {
            ErrorKind::UnexpectedEof => corrupt(format!("it ends after {length} bytes, within its header")),
            _ => error.into(),
        });
    }
    // The header's fields: https://www.sqlite.org/fileformat2.html#the_database_header
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(corrupt("it does not begin like an SQLite file"));
    }
    let number = |at: usize| header[at..at + 4].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let page_size = match number(14) & 0xffff {
        1 => 65_536,
        size => size,
    };
    let should_be = page_size * number(28);
    // With a write-ahead log beside it the pages that are missing here may be there.
    let log_is_empty = fs::metadata(beside(path, "-wal")).map_or(true, |log| log.len() == 0);
    if log_is_empty && length < should_be {
        return Err(corrupt(format!("it is cut: {length} of {should_be} bytes are there")));
    }
    Ok(length)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

async fn create(path: &Path) -> Result<(), Failure> {
    if fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(corrupt("the file is gone, and its write-ahead log (-wal) is still there"));
    }
    let side = beside(path, &format!(".{}.new", std::process::id()));
    let made = fill(&side).await.and_then(|()| Ok(fs::hard_link(&side, path)?));
    remove_unfinished(path);
    match made {
        // Another program made it in the meantime: theirs is as good.
        Err(_) if fs::metadata(path).is_ok() => {}
        made => made?,
    }
    File::open(folder(path))?.sync_all()?;
    Ok(())
}

/// Removes what was begun under another name, by this process or by one that was killed at it.
fn remove_unfinished(path: &Path) {
    let Some(name) = path.file_name() else { return };
    let begins = format!("{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.strip_prefix(&begins).and_then(|rest| rest.split_once(".new")).is_some_and(
            |(process, _)| !process.is_empty() && process.bytes().all(|digit| digit.is_ascii_digit()),
        );
        if is_ours {
            // What cannot be removed takes some space and harms nothing.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes a whole empty journal under this name.
async fn fill(side: &Path) -> Result<(), Failure> {
    // What a former process with the same id left behind was never linked.
    match fs::remove_file(side) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(side)?;
    let options = options(side).journal_mode(SqliteJournalMode::Wal);
    with_connection(&options, async |connection| {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        schema::mark(&mut tx).await?;
        schema::migrate(&mut tx, 0).await?;
        tx.commit().await?;
        Ok(())
    })
    .await?;
    File::open(side)?.sync_all()?;
    Ok(())
}
