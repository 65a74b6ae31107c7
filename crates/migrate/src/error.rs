//! What can go wrong with a database, in sentences for people: what was being done, and what helps.

use std::fmt::Write as _;

use crate::lease::Holder;
use crate::policy::Blocker;
use crate::reconcile::Unclear;

/// What the server, or the way to it, said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DatabaseError {
    /// SQLSTATE (PostgreSQL), error number (MySQL, MariaDB) or extended result code (SQLite); none where the way itself broke.
    pub code: Option<String>,
    /// The server's words. May quote the statement and values in it.
    pub message: String,
    /// Its detail.
    pub detail: Option<String>,
    /// Its hint.
    pub hint: Option<String>,
    /// Where in the text that was sent, in characters from 1.
    pub position: Option<usize>,
    /// How many statements of the text had ended well before.
    pub completed: usize,
}

impl DatabaseError {
    /// Whether the connection is of no use any more.
    #[must_use]
    pub fn broken(&self) -> bool {
        match self.code.as_deref() {
            None => true,
            Some(code) => code.starts_with("57P") || code.starts_with("08"),
        }
    }

    /// Whether the server says that.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether it is one of those.
    #[must_use]
    pub fn is_any(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// The server's words with detail and hint, a line each.
    #[must_use]
    pub fn whole(&self) -> String {
        let mut text = self.message.clone();
        for (label, more) in [("detail", &self.detail), ("hint", &self.hint)] {
            if let Some(more) = more {
                let _ = write!(text, "\n{label}: {more}");
            }
        }
        text
    }
}

/// A statement that failed, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStatement {
    /// The migration.
    pub version: String,
    /// Its file; empty where only the journal knows it.
    pub path: String,
    /// The line that the server points at, or on which the statement begins.
    pub line: usize,
    /// The lines around it, with a mark under the place that the server points at.
    pub excerpt: String,
    /// What the server said.
    pub server: DatabaseError,
    /// What is left of the migration, in one sentence.
    pub left: String,
}

/// A difference between the files and the journal that somebody has to decide on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The file was changed after it was applied.
    Edited {
        /// The migration.
        version: String,
        /// Its file.
        path: String,
        /// As it was applied.
        applied: String,
        /// As it is now.
        file: String,
    },
    /// It was applied, and there is no such file.
    Missing {
        /// The migration.
        version: String,
        /// Its name in the journal.
        name: String,
    },
    /// It comes before one that was applied.
    OutOfOrder {
        /// The migration.
        version: String,
        /// The last one that was applied.
        after: String,
    },
}

/// Why something with a database could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("the database's address cannot be used: {0}")]
    Address(String),
    /// The server is not there, or does not answer.
    #[error("the database at {place} cannot be reached")]
    Connect {
        /// Host and port, or the file; no password.
        place: String,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// It does not let us in.
    #[error("the database at {place} refuses the user or the password")]
    Credentials {
        /// Host and port.
        place: String,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// There is no database of that name.
    #[error("the server has no database of that name ({place})")]
    NoDatabase {
        /// Host, port and database.
        place: String,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// It has no connection left for us.
    #[error("the database at {place} has no connection left")]
    TooManyConnections {
        /// Host and port.
        place: String,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// It is older than what we know.
    #[error("the server is {found}; {needed} is the oldest that works")]
    TooOld {
        /// What it says of itself.
        found: String,
        /// What is needed.
        needed: &'static str,
    },
    /// It cannot be written.
    #[error("the database at {place} cannot be written: {why}")]
    ReadOnly {
        /// Host and port, or the file.
        place: String,
        /// Why, in a few words.
        why: String,
    },
    /// A pooler gives our session to others.
    #[error(
        "between us and PostgreSQL is a pooler that shares sessions ({how}): locks and settings would be lost in it"
    )]
    Pooler {
        /// How that was seen.
        how: String,
    },
    /// A permission is missing.
    #[error("{doing}: the database does not permit it")]
    Forbidden {
        /// What was being done.
        doing: String,
        /// What the server said.
        #[source]
        source: DatabaseError,
    },
    /// The server's disk is full.
    #[error("{doing}: the server has no room left on its disk")]
    DiskFull {
        /// What was being done.
        doing: String,
        /// What the server said.
        #[source]
        source: DatabaseError,
    },
    /// A question or a write failed.
    #[error("{doing} failed")]
    Query {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// The connection went while something was under way. What was committed is in the journal.
    #[error("the connection to the database was lost while {doing}")]
    Lost {
        /// What was being done.
        doing: String,
        /// How.
        #[source]
        source: DatabaseError,
    },
    /// A statement of a migration failed.
    #[error("{}:{}: the statement failed: {}", .0.path, .0.line, .0.server.message)]
    Statement(Box<FailedStatement>),
    /// A lock could not be had within the time that we give it.
    #[error("{path}:{line}: the lock that the statement needs could not be had within {tried} tries")]
    Locked {
        /// The file.
        path: String,
        /// The line of the statement.
        line: usize,
        /// How often it was tried.
        tried: u32,
        /// Who holds it.
        blockers: Vec<Blocker>,
    },
    /// A check of a migration returned rows: it was taken back.
    #[error("{path}:{line}: the check returns rows")]
    Check {
        /// The file.
        path: String,
        /// The line of the check.
        line: usize,
        /// The first of them, as text.
        rows: Vec<String>,
        /// What is left of the migration, in one sentence.
        left: String,
    },
    /// Another runner has the database.
    #[error("{holder} is changing this database")]
    LeaseHeld {
        /// Who.
        holder: Box<Holder>,
    },
    /// Another runner took the database over; nothing more was written.
    #[error("another runner has taken this database over; nothing more was written")]
    Fenced,
    /// What came of a statement cannot be told.
    #[error("what came of {} that {} interrupted cannot be told", count(.0.len(), "statement"), if .0.len() == 1 { "was" } else { "were" })]
    Unclear(Vec<Unclear>),
    /// Files and journal differ.
    #[error("the files and what was applied differ: {}", differences(.0))]
    Differ(Vec<Difference>),
    /// There is no such version.
    #[error("there is no migration {0}")]
    UnknownVersion(String),
    /// It has no way back.
    #[error("migration {version} has no way back: {why}")]
    Irreversible {
        /// The migration.
        version: String,
        /// Why.
        why: String,
    },
    /// A contract waits for something.
    #[error("the contract of migration {version} has to wait: {why}")]
    ContractWaits {
        /// The migration.
        version: String,
        /// For what.
        why: String,
    },
    /// A contract could not be made, or not softly.
    #[error(transparent)]
    Contract(#[from] Box<crate::contract::Error>),
    /// The file handles transactions in a way that cannot be journalled.
    #[error("{path}:{line}: {why}")]
    Transactions {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The journal was made by a later version of ours, or is not as we left it.
    #[error("the journal in the database cannot be used: {0}")]
    Journal(String),
    /// Something of another tool's table cannot be taken over.
    #[error("{0}")]
    Adoption(String),
    /// The lock file of a SQLite database cannot be used.
    #[error("the lock file {path} cannot be used: {why}")]
    LockFile {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

impl Error {
    /// What helps, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Address(_) => "write the address as `postgres://user@host/database`, `mysql://…` or `sqlite:FILE`".into(),
            Self::Connect { .. } => {
                "see that the server runs and that host and port in `[database] url` are its own".into()
            }
            Self::Credentials { .. } => "correct user and password in `[database] url`".into(),
            Self::NoDatabase { .. } => "make it first (`createdb NAME`, `CREATE DATABASE NAME`), or correct the name".into(),
            Self::TooManyConnections { .. } => {
                "close connections, or raise the server's limit; two are needed while migrations run".into()
            }
            Self::TooOld { needed, .. } => format!("upgrade the server to {needed} or later"),
            Self::ReadOnly { .. } => "let `[database] url` point at the primary server, as a user who may write".into(),
            Self::Pooler { .. } => {
                "let `[database] url` point directly at PostgreSQL; the app may go on using the pooler (`pooled_url`)".into()
            }
            Self::Forbidden { source, .. } => permission(source),
            Self::DiskFull { .. } => "make room on the server's disk, then run it again: the journal knows what is done".into(),
            Self::Query { .. } => "see what the server says, then run it again".into(),
            Self::Lost { .. } => "run it again: the journal knows what is done, and the rest is looked up".into(),
            Self::Statement(failed) => failed.left.clone(),
            Self::Locked { blockers, .. } => match blockers.first() {
                Some(blocker) => format!("end what holds it, or wait for it: {blocker}; then run it again"),
                None => "run it again when the database is less busy, or raise `lock_timeout`".into(),
            },
            Self::Check { left, .. } => format!("correct the rows or the migration; {left}"),
            Self::LeaseHeld { .. } => "wait for it, then run this again".into(),
            Self::Fenced => "see what the other runner does (`bascule migrate status`), then run this again".into(),
            Self::Unclear(_) => "`bascule migrate repair` shows journal, catalog and file of each, and what can be done".into(),
            Self::Differ(_) => {
                "put the files back as they were, or decide on each of them with `bascule migrate repair`".into()
            }
            Self::UnknownVersion(_) => "`bascule migrate status` lists those that are there".into(),
            Self::Irreversible { .. } => {
                "write a new migration that goes forward, or restore a backup (`bascule backup list`)".into()
            }
            Self::ContractWaits { .. } => "it follows when that is done".into(),
            Self::Contract(_) => "mend what it names; nothing that it had begun stays half done".into(),
            Self::Transactions { .. } => "leave BEGIN and COMMIT out: a file is one transaction as it is".into(),
            Self::Journal(_) => "use the version of Bascule that wrote it, or a later one".into(),
            Self::Adoption(_) => "see what is in that table, and adopt again".into(),
            Self::LockFile { .. } => "see that the folder of the database can be written".into(),
        }
    }

    /// What the server said, where it said something.
    #[must_use]
    pub fn server(&self) -> Option<&DatabaseError> {
        match self {
            Self::Connect { source, .. }
            | Self::Credentials { source, .. }
            | Self::NoDatabase { source, .. }
            | Self::TooManyConnections { source, .. }
            | Self::Forbidden { source, .. }
            | Self::DiskFull { source, .. }
            | Self::Query { source, .. }
            | Self::Lost { source, .. } => Some(source),
            Self::Statement(failed) => Some(&failed.server),
            _ => None,
        }
    }

    /// A failed way to a server, by what it said.
    pub(crate) fn connect(place: String, source: DatabaseError) -> Self {
        match source.code.as_deref() {
            // Role or password, pg_hba; access denied.
            Some("28P01" | "28000" | "1045" | "1698") => Self::Credentials { place, source },
            Some("3D000" | "1049") => Self::NoDatabase { place, source },
            Some("53300" | "53400" | "1040" | "1203") => Self::TooManyConnections { place, source },
            // CONNECT on the database; access to the database.
            Some("42501" | "1044") => Self::Forbidden { doing: format!("connecting to {place}"), source },
            _ => Self::Connect { place, source },
        }
    }

    /// A failed question of ours, by what the server said.
    pub(crate) fn query(doing: &'static str) -> impl Fn(DatabaseError) -> Self + Copy {
        move |source| Self::of(doing, source)
    }

    /// The same with a name for what was done that is longer than a word.
    pub(crate) fn of(doing: &'static str, source: DatabaseError) -> Self {
        match Self::general(doing, &source) {
            Some(error) => error,
            None => Self::Query { doing, source },
        }
    }

    /// What is not the fault of a statement, but of the server's state or of who we are.
    pub(crate) fn general(doing: &str, source: &DatabaseError) -> Option<Self> {
        let (doing, source) = (doing.to_owned(), source.clone());
        match source.code.as_deref() {
            None => Some(Self::Lost { doing, source }),
            Some(code) if code.starts_with("57P0") || code.starts_with("08") => {
                Some(Self::Lost { doing, source })
            }
            Some("42501" | "1142" | "1044" | "1227" | "1370" | "1143") => {
                Some(Self::Forbidden { doing, source })
            }
            // disk_full; disk full, table is full; SQLITE_FULL.
            Some("53100" | "1021" | "1114" | "13") => Some(Self::DiskFull { doing, source }),
            Some("25006" | "1290" | "1792" | "1836" | "8" | "1032" | "776" | "264" | "520")
                if !source.message.is_empty() =>
            {
                read_only(&source)
                    .then(|| Self::ReadOnly { place: "this address".to_owned(), why: source.message.clone() })
            }
            _ => None,
        }
    }
}

/// Whether the server says that it cannot be written; some of the numbers have other meanings too.
fn read_only(source: &DatabaseError) -> bool {
    let message = source.message.to_ascii_lowercase();
    message.contains("read-only") || message.contains("readonly") || message.contains("read only")
}

/// Which right is missing, as a statement that gives it where we can tell.
fn permission(source: &DatabaseError) -> String {
    let message = &source.message;
    let named = |before: &str| {
        let name = message.split_once(before)?.1.trim();
        Some(name.trim_matches(|at| at == '"' || at == '\'').to_owned())
    };
    if let Some(name) = named("permission denied for database") {
        return format!("as its owner: GRANT CREATE ON DATABASE \"{name}\" TO the user of `[database] url`");
    }
    if let Some(name) = named("permission denied for schema") {
        return format!(
            "as its owner: GRANT USAGE, CREATE ON SCHEMA \"{name}\" TO the user of `[database] url`"
        );
    }
    if let Some(name) = named("must be owner of table").or_else(|| named("must be owner of relation")) {
        return format!(
            "only the owner of {name} may change it: use its owner in `[database] url`, or make the user a member of that role"
        );
    }
    "give the user of `[database] url` that right, or use the owner of the schema".to_owned()
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("a {what}") } else { format!("{number} {what}s") }
}

fn differences(list: &[Difference]) -> String {
    let words: Vec<String> = list
        .iter()
        .map(|difference| match difference {
            Difference::Edited { path, .. } => format!("{path} was changed after it was applied"),
            Difference::Missing { version, .. } => format!("{version} was applied and its file is gone"),
            Difference::OutOfOrder { version, after } => {
                format!("{version} comes before {after}, which is applied")
            }
        })
        .collect();
    words.join("; ")
}
