//! The texts that the journal keeps of a migration: all that is needed to take it back, or to apply its contract, without its file.

use bascule_migrations::{Migration, Part, Transactions, Version};
use bascule_sql::Statement;
use serde::{Deserialize, Serialize};

use super::tables::table;
use crate::connection::Connection;
use crate::error::Error;

/// What the journal keeps of a migration beside its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Its version.
    pub version: Version,
    /// Its file, when it was applied.
    pub path: String,
    /// The whole text of its up side.
    pub up: String,
    /// What it did, in order.
    pub parts: Vec<Part>,
    /// What takes its expand back; none where it had no down at all.
    pub down: Option<Vec<Statement>>,
    /// Queries that return no row when it is good.
    pub checks: Vec<Statement>,
    /// How it wants to be run.
    pub transactions: Transactions,
}

/// What is stored as one text.
#[derive(Serialize, Deserialize)]
struct Parts {
    parts: Vec<Part>,
    down: Option<Vec<Statement>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Statement>,
    transactions: Transactions,
}

/// A migration's parts as one text.
pub(super) fn pack(migration: &Migration) -> String {
    let parts = Parts {
        parts: migration.parts.clone(),
        down: migration.down.clone(),
        checks: migration.checks.clone(),
        transactions: migration.transactions,
    };
    serde_json::to_string(&parts).unwrap_or_default()
}

/// Its down side as a person reads it.
pub(super) fn down_text(migration: &Migration) -> Option<String> {
    let down = migration.down.as_ref()?;
    let texts: Vec<String> = down.iter().map(|statement| format!("{};\n", statement.text)).collect();
    Some(texts.concat())
}

/// The texts of these migrations, in the order of the journal; those that are not there are left out.
pub async fn details(connection: &mut Connection, versions: &[Version]) -> Result<Vec<Details>, Error> {
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    let list: Vec<String> = versions.iter().map(|version| connection.literal(&version.0)).collect();
    let sql = format!(
        "SELECT version, path, up, parts FROM {} WHERE version IN ({}) ORDER BY position",
        table(connection.dialect(), "migration"),
        list.join(", "),
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the journal"))?;
    rows.into_iter()
        .map(|row| {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || row.next().unwrap_or_default();
            let (version, path, up, parts) = (Version(next()), next(), next(), next());
            let parts: Parts = serde_json::from_str(&parts)
                .map_err(|error| Error::Journal(format!("the parts of {version} cannot be read: {error}")))?;
            let Parts { parts, down, checks, transactions } = parts;
            Ok(Details { version, path, up, parts, down, checks, transactions })
        })
        .collect()
}
