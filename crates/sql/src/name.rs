//! Names of tables and of whatever else has a schema.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Dialect;

/// A name that may have a schema (or a database, with MySQL) before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Name {
    /// The schema, where it is written; as the server knows it.
    pub schema: Option<String>,
    /// The name as the server knows it: without quotes, in lower case where PostgreSQL folds it.
    pub name: String,
    /// As it is written, schema and quotes included.
    pub written: String,
}

impl Name {
    /// A name without a schema, as the server knows it.
    #[must_use]
    pub fn bare(name: &str) -> Self {
        Self { schema: None, name: name.to_owned(), written: name.to_owned() }
    }

    /// Whether both can mean the same thing. A schema that is not written fits every one; only PostgreSQL tells
    /// upper from lower case.
    #[must_use]
    pub fn matches(&self, other: &Self, dialect: Dialect) -> bool {
        let same = |one: &str, two: &str| match dialect {
            Dialect::Postgres => one == two,
            Dialect::Mysql | Dialect::Sqlite => one.eq_ignore_ascii_case(two),
        };
        same(&self.name, &other.name)
            && match (&self.schema, &other.schema) {
                (Some(one), Some(two)) => same(one, two),
                _ => true,
            }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.written)
    }
}
