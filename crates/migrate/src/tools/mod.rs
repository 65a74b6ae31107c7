//! The servers' own programs: which copy a database well is theirs to know.
//!
//! **Secrets** reach them through the environment (PostgreSQL) or an option file that only its owner can read (MySQL), never through
//! an argument list.

mod error;
mod mysql;
mod parts;
mod postgres;
mod run;

pub use error::ToolError;
pub use run::{Load, Running, pipe};

use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::address::Address;
use crate::connection::Server;

/// Where programs are looked for.
#[derive(Debug, Clone)]
pub struct Tools {
    folders: Vec<PathBuf>,
    scratch: PathBuf,
}

/// How much of a database is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The schema alone.
    Schema,
    /// The schema and all rows, without what would run by itself (MySQL's events).
    Rows,
    /// What would run by itself, and nothing else (MySQL's events).
    Events,
    /// All of it, as a transaction of PostgreSQL sees it that has exported its snapshot under that name.
    Seen(String),
}

/// The name of the database in an address, without percent-encoding.
#[must_use]
pub fn database_name(address: &Address) -> String {
    parts::Parts::of(address).database.unwrap_or_default()
}

/// Whose the things of a restored database are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Those that they had.
    Kept,
    /// Whoever restores them.
    Taken,
}

/// A program that is ready to be run, with what it needs for that.
#[derive(Debug)]
pub struct Program {
    /// The command; its input and output are not set yet.
    pub command: Command,
    /// Its name, for messages.
    pub name: String,
    /// Goes when the program has ended.
    options: Option<NamedTempFile>,
}

impl Tools {
    /// `path` is the value of `PATH`; `scratch` a folder for files that only live as long as a program.
    #[must_use]
    pub fn new(path: &str, scratch: PathBuf) -> Self {
        let folders = path.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from).collect();
        Self { folders, scratch }
    }

    /// The folder for files that do not stay.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// What writes a database to its output: PostgreSQL's custom format, or SQL.
    ///
    /// # Errors
    /// When there is no such program, or it is too old for the server.
    pub async fn dump(
        &self,
        address: &Address,
        server: Server,
        content: &Content,
    ) -> Result<Program, ToolError> {
        match server {
            Server::Postgres(number) => postgres::dump(self, address, number, content).await,
            _ => mysql::dump(self, address, server, content),
        }
    }

    /// What reads such a copy from its input into an empty database.
    ///
    /// # Errors
    /// As for [`Tools::dump`].
    pub async fn load(
        &self,
        address: &Address,
        server: Server,
        owners: Owners,
    ) -> Result<Program, ToolError> {
        match server {
            Server::Postgres(number) => postgres::load(self, address, number, owners).await,
            _ => mysql::load(self, address, server),
        }
    }

    /// The first of these names that is in one of the folders.
    fn find(&self, names: &[&str]) -> Option<PathBuf> {
        let paths = names.iter().flat_map(|name| self.folders.iter().map(move |folder| folder.join(name)));
        paths.into_iter().find(|path| path.is_file())
    }
}
