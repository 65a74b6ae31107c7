//! What was done with contracts, as rows that stay: a tombstone only knows how it is now. Each is written in the transaction of what
//! it tells of, where the server can.

use bascule_migrations::Version;
use bascule_sql::Dialect;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::schema;
use crate::backfill::clock;
use crate::{Connection, Row};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// The contract was made, softly.
    Soft,
    /// It was taken back.
    Undo,
    /// Something that it had dropped softly went for good.
    Hard,
}

impl Deed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Undo => "undo",
            Self::Hard => "hard",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Soft, Self::Undo, Self::Hard].into_iter().find(|deed| deed.as_str() == text)
    }
}

/// One thing that was done with a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The migration.
    pub version: Version,
    /// What was done.
    pub deed: Deed,
    /// With what, where it is one thing: `column users.name`.
    pub what: Option<String>,
    /// Who.
    pub owner: String,
    /// In which run.
    pub run: Option<String>,
    /// For which release.
    pub release: Option<String>,
    /// When, in milliseconds since 1970 by the server's clock; none until it is written.
    pub at: Option<i64>,
}

impl Event {
    /// The SQL that enters it. The table has to be there ([`super::ensure`]).
    #[must_use]
    pub fn insert(&self, dialect: Dialect) -> String {
        let text = |text: &str| crate::literal(dialect, text);
        let optional = |value: &Option<String>| value.as_deref().map_or_else(|| "NULL".to_owned(), text);
        format!(
            "INSERT INTO {} (version, deed, what, owner, run, release_name, done_at) VALUES ({}, '{}', {}, {}, {}, {}, {})",
            schema::events(dialect),
            text(&self.version.0),
            self.deed.as_str(),
            optional(&self.what),
            text(&self.owner),
            optional(&self.run),
            optional(&self.release),
            clock::now(dialect)
        )
    }
}

/// All of them, the oldest first; none where the table is not there.
///
/// # Errors
/// What the server says.
pub async fn events(connection: &mut Connection) -> Result<Vec<Event>, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "SELECT version, deed, what, owner, run, release_name, {} FROM {} ORDER BY done_at, version",
        clock::milliseconds(dialect, "done_at"),
        schema::events(dialect)
    );
    match connection.rows(&sql).await {
        Ok(rows) => Ok(rows.into_iter().filter_map(read).collect()),
        Err(error) if crate::journal::undefined(&error) => Ok(Vec::new()),
        Err(error) => Err(Error::query("reading what was done with contracts")(error)),
    }
}

fn read(row: Row) -> Option<Event> {
    let [version, deed, what, owner, run, release, at] = <[Option<String>; 7]>::try_from(row).ok()?;
    Some(Event {
        version: Version(version?),
        deed: Deed::read(&deed?)?,
        what,
        owner: owner.unwrap_or_default(),
        run,
        release,
        at: at.and_then(|at| at.parse().ok()),
    })
}
