//! What can go wrong with backups.

use bascule_migrate::aside::AsideError;
use bascule_migrate::tools::ToolError;
use bascule_migrate::{DatabaseError, Error};

use crate::seal::SealError;

/// Why something with a backup could not be done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database, or the way to it.
    #[error(transparent)]
    Database(#[from] Error),
    /// A program of the server.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A database to read a backup into could not be made.
    #[error(transparent)]
    Aside(#[from] AsideError),
    /// What does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A name that is none.
    #[error("`{name}` cannot be a backup's name: use letters, digits, `-` and `_`")]
    Name {
        /// The name.
        name: String,
    },
    /// A manifest that is damaged, of another form, or made with another key.
    #[error("the manifest of the backup {id} is damaged, or the key is another than it was made with")]
    Manifest {
        /// What it was found under.
        id: String,
    },
    /// There is none of that name.
    #[error("there is no backup {id}: `bascule backup list` shows those that there are")]
    Unknown {
        /// The name.
        id: String,
    },
    /// A file.
    #[error("{doing} failed")]
    File {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The disk.
    #[error("the disk is full: nothing of the backup was kept. Make room in {folder}, or keep fewer backups")]
    Full {
        /// Where.
        folder: String,
    },
    /// The place where backups are kept cannot be reached.
    #[error("{place} cannot be reached while {doing}: {why}")]
    Unreachable {
        /// Which.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// Why.
        why: String,
    },
    /// It does not do what it is asked.
    #[error("{place} refuses {doing}: {code} ({message})")]
    Refused {
        /// Which.
        place: String,
        /// What was asked.
        doing: &'static str,
        /// Its code, or the HTTP status.
        code: String,
        /// Its words.
        message: String,
    },
    /// The address of such a place is none.
    #[error("the place for backups cannot be used: {0}")]
    Place(String),
    /// What was read back is not what was taken.
    #[error("the backup {id} is not what it should be: {what}. Take a new one now")]
    Differs {
        /// Which.
        id: String,
        /// What differs.
        what: String,
    },
    /// A backup of one kind of database into another.
    #[error("the backup is of {backup}, the database is {database}")]
    Kind {
        /// What the backup is of.
        backup: String,
        /// What the database is.
        database: String,
    },
    /// There is something in the database.
    #[error(
        "{database} has tables ({table}): a restore would replace it. Say so (`--replace`), or name another database"
    )]
    Occupied {
        /// Which.
        database: String,
        /// One of them.
        table: String,
    },
    /// Somebody uses the file that is to be replaced.
    #[error("{database} is in use: stop what uses it, then restore again")]
    Busy {
        /// The file.
        database: String,
    },
    /// The database was emptied for the backup, which then could not be read into it.
    #[error("{database} was emptied and then not filled. All of the backup is in the database {restored}")]
    HalfWay {
        /// Which.
        database: String,
        /// Where all of it is.
        restored: String,
        /// Why.
        #[source]
        source: Box<BackupError>,
    },
    /// Somebody uses the database that is to be replaced.
    #[error("{database} is in use, and could not be replaced; what was restored is in {restored}")]
    InUse {
        /// Which.
        database: String,
        /// Where it is now.
        restored: String,
    },
}

/// For a question that failed.
pub(crate) fn query(doing: &'static str) -> impl FnOnce(DatabaseError) -> BackupError {
    move |source| BackupError::Database(Error::Query { doing, source })
}

/// For a file.
pub(crate) fn file(doing: &'static str) -> impl FnOnce(std::io::Error) -> BackupError {
    move |source| BackupError::File { doing, source }
}

/// For a file that grows.
pub(crate) fn written(
    doing: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> BackupError {
    let folder = path.parent().unwrap_or(path).display().to_string();
    move |source| match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => BackupError::Full { folder },
        _ => BackupError::File { doing, source },
    }
}
