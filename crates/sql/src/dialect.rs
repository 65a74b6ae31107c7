//! The three kinds of SQL.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL 13 to 18.
    Postgres,
    /// MySQL 8 and MariaDB 10.11 and later.
    Mysql,
    /// SQLite 3.
    Sqlite,
}

impl Dialect {
    /// Whether a change of the schema can be taken back with its transaction.
    #[must_use]
    pub fn transactional_ddl(self) -> bool {
        !matches!(self, Self::Mysql)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Sqlite => "SQLite",
        })
    }
}
