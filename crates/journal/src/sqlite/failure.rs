//! What SQLite's errors mean to a person: a damaged file, a full disk, a folder that cannot be used, a file that is busy.

use std::path::Path;

use bascule_model::problem::{Code, Problem};

use crate::error::JournalError;
use crate::failure::Failure;

// Primary result codes, https://www.sqlite.org/rescode.html; an extended code has the primary one in its low byte.
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const AUTH: i32 = 23;
const IOERR_SHORT_READ: i32 = IOERR | (2 << 8);
const IOERR_CORRUPTFS: i32 = IOERR | (33 << 8);

pub(super) fn explain(failure: Failure, path: &Path) -> JournalError {
    match failure {
        Failure::Journal(JournalError::Corrupt(what)) => {
            JournalError::Corrupt(format!("{}: {what}", path.display()))
        }
        Failure::Journal(error) => error,
        Failure::Io(error) => explain_io(&error, path),
        Failure::Sql(error) => explain_sql(error, path),
    }
}

fn explain_sql(error: sqlx::Error, path: &Path) -> JournalError {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
            explain_code(code, error.message(), path)
        }
        sqlx::Error::Io(error) => explain_io(&error, path),
        sqlx::Error::PoolTimedOut => {
            unavailable(path, "it is busy", "try again; if it stays so, look for what keeps the file locked")
        }
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => unavailable(
            path,
            "its connection is closed",
            "start the control plane again with `bascule serve`",
        ),
        // A row that does not have the columns, types or encoding that were written.
        error => JournalError::Corrupt(format!("{}: {error}", path.display())),
    }
}

fn explain_code(code: i32, message: &str, path: &Path) -> JournalError {
    match (code & 0xff, code) {
        (FULL, _) => disk_full(path),
        (PERM | READONLY | CANTOPEN | AUTH, _) => unusable(path, message),
        (IOERR, IOERR_SHORT_READ | IOERR_CORRUPTFS) => {
            JournalError::Corrupt(format!("{}: {message}", path.display()))
        }
        // SQLite tells a full disk as such only when it writes pages: making its files larger fails as any other I/O.
        (IOERR, _) if no_space(path) => disk_full(path),
        (IOERR, _) => unusable(path, message),
        (BUSY | LOCKED, _) => unavailable(
            path,
            "another program keeps it locked",
            "try again; if it stays so, look for what keeps the file locked",
        ),
        // What is left is a page, a schema or a constraint that is not as it was written.
        _ => JournalError::Corrupt(format!("{}: {message}", path.display())),
    }
}

fn explain_io(error: &std::io::Error, path: &Path) -> JournalError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => disk_full(path),
        _ => unusable(path, &error.to_string()),
    }
}

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Less room than SQLite's smallest step (the index of its log, 32 KiB) is left.
fn no_space(path: &Path) -> bool {
    rustix::fs::statvfs(folder(path))
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < 32 * 1024)
}

fn disk_full(path: &Path) -> JournalError {
    JournalError::Unavailable(Problem::new(
        Code::DiskFull,
        format!("the journal {} could not be written: the disk is full", path.display()),
        format!("free some space where {} is, then try again; nothing is lost", folder(path).display()),
    ))
}

fn unusable(path: &Path, why: &str) -> JournalError {
    JournalError::Unavailable(Problem::new(
        Code::StateUnusable,
        format!("the journal {} could not be opened or written: {why}", path.display()),
        format!(
            "make the folder {} one that you can write to, or choose another with --state",
            folder(path).display()
        ),
    ))
}

fn unavailable(path: &Path, why: &str, remedy: &str) -> JournalError {
    JournalError::Unavailable(Problem::new(
        Code::JournalUnavailable,
        format!("the journal {} could not be read or written: {why}", path.display()),
        remedy,
    ))
}
