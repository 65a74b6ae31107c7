//! What the database knows of something that went softly.

use std::fmt;

use bascule_migrations::Version;
use bascule_sql::Dialect;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::schema;
use super::usage::Usage;
use crate::backfill::clock;
use crate::{Connection, Row};

/// A kind of thing that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Kind {
    Table,
    Column,
    Constraint,
    Index,
    View,
    MaterializedView,
    Function,
    Procedure,
    Trigger,
    Type,
    Schema,
    Sequence,
    Extension,
    ForeignTable,
    /// Nothing goes; what is changed has an inverse (a name, a constraint).
    Change,
}

const KINDS: [(Kind, &str, &str); 15] = [
    (Kind::Table, "table", "TABLE"),
    (Kind::Column, "column", ""),
    (Kind::Constraint, "constraint", ""),
    (Kind::Index, "index", "INDEX"),
    (Kind::View, "view", "VIEW"),
    (Kind::MaterializedView, "materialized view", "MATERIALIZED VIEW"),
    (Kind::Function, "function", ""),
    (Kind::Procedure, "procedure", ""),
    (Kind::Trigger, "trigger", ""),
    (Kind::Type, "type", "TYPE"),
    (Kind::Schema, "schema", "SCHEMA"),
    (Kind::Sequence, "sequence", "SEQUENCE"),
    (Kind::Extension, "extension", "EXTENSION"),
    (Kind::ForeignTable, "foreign table", "FOREIGN TABLE"),
    (Kind::Change, "change", ""),
];

impl Kind {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, words, _)| words)
    }

    fn read(text: &str) -> Option<Self> {
        KINDS.iter().find(|(_, words, _)| *words == text).map(|(kind, ..)| *kind)
    }

    /// What stands behind `DROP`, of those that several can be dropped of at once by name alone.
    pub(super) fn keyword(self) -> Option<&'static str> {
        KINDS
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map(|(.., keyword)| *keyword)
            .filter(|word| !word.is_empty())
    }

    /// Whether its rows or values go with it.
    #[must_use]
    pub fn holds_data(self) -> bool {
        matches!(self, Self::Table | Self::Column)
    }

    /// Whether there is no soft way: it stays as it is until the hard part.
    #[must_use]
    pub fn waits(self) -> bool {
        matches!(self, Self::Type | Self::Schema | Self::Sequence | Self::Extension | Self::ForeignTable)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something in words: `column users.name`.
pub(super) fn words(kind: Kind, name: &str, part: Option<&str>) -> String {
    match (kind, part) {
        (Kind::Column, Some(part)) => format!("column {name}.{part}"),
        (Kind::Change, Some(part)) => format!("{part} of {name}"),
        (_, Some(part)) => format!("{kind} {part} of {name}"),
        (_, None) => format!("{kind} {name}"),
    }
}

/// How it is with something that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A runner has begun with it, and may have been ended.
    Begun,
    /// It is there under its other name, or its definition is kept.
    Soft,
    /// It is on its way back, where each statement is a commit of its own.
    Undoing,
    /// It came back.
    Undone,
    /// It is gone for good.
    Hard,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Soft => "soft",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Hard => "hard",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Begun, Self::Soft, Self::Undoing, Self::Undone, Self::Hard]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What the database knows of something that went softly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Its id, which is also in its name.
    pub id: String,
    /// The migration that dropped it.
    pub version: Version,
    /// Its place among the steps of that contract.
    pub position: usize,
    /// What it is.
    pub kind: Kind,
    /// The thing as it is written; of a column or a constraint, its table.
    pub original: String,
    /// The column, constraint or trigger.
    pub part: Option<String>,
    /// The name under which it is kept; none when only its definition is.
    pub renamed: Option<String>,
    /// How it is with it.
    pub state: State,
    /// What took it there.
    pub run: Vec<String>,
    /// What brings it back.
    pub undo: Vec<String>,
    /// What takes it for good; empty when nothing is left to take.
    pub hard: Vec<String>,
    /// Rows in its table when it went, about.
    pub rows: Option<u64>,
    /// How much it was used until it went.
    pub usage: Usage,
    /// What does not come back with an undo, in words.
    pub note: Option<String>,
    /// When it went softly, in milliseconds since 1970 by the server's clock.
    pub softly_at: Option<i64>,
    /// From when on it may go for good.
    pub hard_after: Option<i64>,
    /// When it went for good.
    pub hard_at: Option<i64>,
    /// The backup that it is in.
    pub backup: Option<String>,
}

impl Tombstone {
    /// The thing in words: `column users.name`.
    #[must_use]
    pub fn words(&self) -> String {
        words(self.kind, &self.original, self.part.as_deref())
    }
}

fn query(dialect: Dialect) -> String {
    let time = |column| clock::milliseconds(dialect, column);
    format!(
        "SELECT id, version, position, kind, original, part, renamed, state, run_sql, undo_sql, hard_sql, row_count, used, note, \
         {}, {}, {}, backup FROM {}",
        time("softly_at"),
        time("hard_after"),
        time("hard_at"),
        schema::table(dialect)
    )
}

/// Of one id.
///
/// # Errors
/// What the server says.
pub async fn find(connection: &mut Connection, id: &str) -> Result<Option<Tombstone>, Error> {
    let sql = format!("{} WHERE id = {}", query(connection.dialect()), connection.literal(id));
    let rows = connection.rows(&sql).await.map_err(Error::query("reading a tombstone"))?;
    rows.into_iter().next().map(read).transpose()
}

/// All of them, in the order in which they went; none where the table is not there.
///
/// # Errors
/// What the server says.
pub async fn list(connection: &mut Connection) -> Result<Vec<Tombstone>, Error> {
    let dialect = connection.dialect();
    let there = format!("SELECT 1 FROM {} LIMIT 0", schema::table(dialect));
    if let Err(error) = connection.rows(&there).await {
        let missing = ["42P01", "3F000", "1146", "1"].iter().any(|code| error.is(code));
        return if missing { Ok(Vec::new()) } else { Err(Error::query("listing tombstones")(error)) };
    }
    let sql = format!("{} ORDER BY begun_at, version, position", query(dialect));
    let rows = connection.rows(&sql).await.map_err(Error::query("listing tombstones"))?;
    rows.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<Tombstone, Error> {
    let mut values = row.into_iter();
    let mut next = || values.next().flatten();
    let tombstone = (|| {
        Some(Tombstone {
            id: next()?,
            version: Version(next()?),
            position: next()?.parse().ok()?,
            kind: Kind::read(&next()?)?,
            original: next()?,
            part: next(),
            renamed: next(),
            state: State::read(&next()?)?,
            run: serde_json::from_str(&next()?).ok()?,
            undo: serde_json::from_str(&next()?).ok()?,
            hard: serde_json::from_str(&next()?).ok()?,
            rows: next().and_then(|rows| rows.parse().ok()),
            usage: serde_json::from_str(&next()?).ok()?,
            note: next(),
            softly_at: next().and_then(|at| time(&at)),
            hard_after: next().and_then(|at| time(&at)),
            hard_at: next().and_then(|at| time(&at)),
            backup: next(),
        })
    })();
    tombstone.ok_or(Error::Damaged)
}

/// Milliseconds; some servers write them with a fraction.
fn time(text: &str) -> Option<i64> {
    text.split('.').next()?.parse().ok()
}
