//! What a run would do: each statement with what it means for whoever uses the database.

use std::collections::BTreeMap;

use bascule_migrations::{Migration, Phase, Transactions, Version};
use bascule_sql::{
    Blocks, Class, Dialect, LockMode, Name, Reversible, Rewrite, Span, Statement, Transactional,
};
use serde::{Deserialize, Serialize};

use super::Migrator;
use super::agenda::agenda;
use super::differences::differences;
use super::session::statements;
use super::wish::Wish;
use crate::connection::{Connection, identifier};
use crate::error::{Difference, Error};
use crate::policy::{Patience, treat};
use crate::runner::is_step;

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStatement {
    /// Its migration.
    pub version: Version,
    /// Its file.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// When it is applied.
    pub phase: Phase,
    /// The statement.
    pub sql: String,
    /// What kind of change it is.
    pub class: Class,
    /// The locks that it takes on tables that are there.
    pub locks: Vec<(Name, LockMode)>,
    /// Whom it keeps out.
    pub blocks: Blocks,
    /// For how long.
    pub span: Span,
    /// Whether a table is written anew.
    pub rewrite: Rewrite,
    /// Whether it can be taken back without a loss.
    pub reversible: Reversible,
    /// How it goes with transactions.
    pub transactional: Transactional,
    /// Whether it waits for its lock only shortly, and is tried again.
    pub retried: bool,
    /// How many rows the tables have that it changes, about; none where they are not there or nobody knows.
    pub rows: Option<u64>,
    /// Why it is so.
    pub reason: String,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What the database promises, in one sentence.
    pub guarantees: String,
    /// In order.
    pub statements: Vec<PlannedStatement>,
    /// Versions of which something is applied, in order; also those without statements.
    pub versions: Vec<Version>,
    /// What speaks against it: a run is refused as long as there is something.
    pub differences: Vec<PlannedDifference>,
}

/// A difference in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDifference {
    /// The migration.
    pub version: String,
    /// What is different.
    pub what: String,
}

impl Migrator {
    /// What a run would do. Only reads.
    ///
    /// # Errors
    /// What the server says.
    pub async fn plan(&mut self, set: &[Migration], wish: &Wish) -> Result<Plan, Error> {
        let journal = self.journal().await?;
        let differences = differences(set, &journal, wish.order, wish.missing);
        let dialect = self.connection.dialect();
        let (mut list, mut versions): (Vec<PlannedStatement>, Vec<Version>) = (Vec::new(), Vec::new());
        let mut tables: Vec<Vec<Name>> = Vec::new();
        for item in agenda(set, &journal, wish) {
            let migration = &set[item.at];
            if versions.last() != Some(&migration.version) {
                versions.push(migration.version.clone());
            }
            for statement in statements(&migration.parts, item.phase) {
                if let Some((planned, touches)) = planned(dialect, migration, item.phase, &statement) {
                    list.push(planned);
                    tables.push(touches);
                }
            }
        }
        let rows = estimates(&mut self.connection, tables.iter().flatten()).await?;
        for (planned, touches) in list.iter_mut().zip(&tables) {
            planned.rows = touches.iter().filter_map(|table| rows.get(&table.written)).max().copied();
        }
        Ok(Plan {
            guarantees: self.guarantees().to_owned(),
            statements: list,
            versions,
            differences: differences.iter().map(in_words).collect(),
        })
    }
}

fn in_words(difference: &Difference) -> PlannedDifference {
    let (version, what) = match difference {
        Difference::Edited { version, path, .. } => {
            (version, format!("{path} was changed after it was applied"))
        }
        Difference::Missing { version, .. } => (version, "it is applied, and its file is gone".to_owned()),
        Difference::OutOfOrder { version, after } => {
            (version, format!("it comes before {after}, which is applied"))
        }
    };
    PlannedDifference { version: version.clone(), what }
}

fn planned(
    dialect: Dialect,
    migration: &Migration,
    phase: Phase,
    statement: &Statement,
) -> Option<(PlannedStatement, Vec<Name>)> {
    let (treatment, _, effect) = treat(dialect, statement);
    if !is_step(&treatment) {
        return None;
    }
    // A file that asks for no transaction gets none.
    let transactional = match (effect.transactional, migration.transactions) {
        (Transactional::Yes, Transactions::Usual | Transactions::None) => Transactional::Yes,
        (other, _) => other,
    };
    let planned = PlannedStatement {
        version: migration.version.clone(),
        path: migration.path.clone(),
        line: statement.line,
        phase,
        sql: statement.text.clone(),
        class: effect.class,
        locks: effect.locks.iter().map(|lock| (lock.table.clone(), lock.mode)).collect(),
        blocks: effect.blocks,
        span: effect.span,
        rewrite: effect.rewrite,
        reversible: effect.reversible,
        transactional,
        retried: treatment.patience == Patience::Brief,
        rows: None,
        reason: effect.reason,
    };
    Some((planned, effect.touches))
}

/// About how many rows tables have, by their names as they are written; one round trip.
async fn estimates(
    connection: &mut Connection,
    tables: impl Iterator<Item = &Name>,
) -> Result<BTreeMap<String, u64>, Error> {
    let mut tables: Vec<&Name> = tables.collect();
    tables.sort();
    tables.dedup_by(|one, two| one.written == two.written);
    if tables.is_empty() {
        return Ok(BTreeMap::new());
    }
    let text = |text: &str| connection.literal(text);
    let one = |table: &&Name| {
        let written = text(&table.written);
        match connection.dialect() {
            Dialect::Postgres => format!(
                "SELECT {written}, CASE WHEN reltuples < 0 THEN NULL ELSE reltuples::bigint END \
                 FROM pg_class WHERE oid = to_regclass({written}) AND relkind IN ('r', 'p', 'm')"
            ),
            Dialect::Mysql => format!(
                "SELECT {written}, TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                table.schema.as_deref().map_or_else(|| "DATABASE()".to_owned(), text),
                text(&table.name),
            ),
            // Without a table the whole question would fail: those that are there are asked for first.
            Dialect::Sqlite => format!("SELECT {written}, {}", text(&table.name)),
        }
    };
    let sql: Vec<String> = tables.iter().map(one).collect();
    let failed = Error::query("asking how many rows there are");
    let rows = connection.rows(&sql.join(" UNION ALL ")).await.map_err(failed)?;
    let mut found = BTreeMap::new();
    for row in rows {
        let Ok([Some(written), Some(value)]) = <[Option<String>; 2]>::try_from(row) else { continue };
        let number = if connection.dialect() == Dialect::Sqlite {
            sqlite_rows(connection, &value).await.map_err(failed)?
        } else {
            value.parse().ok()
        };
        found.extend(number.map(|number| (written, number)));
    }
    Ok(found)
}

/// The last row's number is quickly found and seldom far off.
async fn sqlite_rows(
    connection: &mut Connection,
    table: &str,
) -> Result<Option<u64>, crate::error::DatabaseError> {
    let known =
        format!("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = {}", connection.literal(table));
    if connection.value(&known).await?.is_none() {
        return Ok(None);
    }
    let name = identifier(Dialect::Sqlite, table);
    // A table without such numbers has no estimate.
    let last = connection.value(&format!("SELECT coalesce(max(rowid), 0) FROM {name}")).await;
    Ok(last.ok().flatten().and_then(|last| last.parse().ok()))
}
