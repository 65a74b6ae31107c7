//! How much something was used, by the server's own counts: whether somebody still uses it under its other name.

use bascule_sql::Dialect;
use serde::{Deserialize, Serialize};

use crate::{Connection, literal};

/// Counts of a table's use since the server began to count; none for what it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Rows that were inserted, updated or deleted.
    pub writes: Option<u64>,
    /// Queries that went by an index. Whole reads are not counted: backups do those as well.
    pub index_scans: Option<u64>,
    /// Rows in the table, where they are counted exactly.
    pub rows: Option<u64>,
    /// Whether they are to be compared with.
    #[serde(default)]
    pub settled: Settled,
}

/// Whether counts are complete. Sessions tell theirs a while after their transactions: what was counted at the soft drop lacks some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settled {
    /// Counted at once.
    #[default]
    No,
    /// Counted again when every session had told its own.
    Yes,
}

impl Usage {
    /// What was done since, in words; none for nothing. Counts that are lower than before began anew: then they count from zero.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<String> {
        if before.settled == Settled::No {
            return None;
        }
        let grown = |now: Option<u64>, before: Option<u64>| {
            let (now, before) = now.zip(before)?;
            let more = if now >= before { now - before } else { now };
            (more > 0).then_some(more)
        };
        if let Some(rows) = grown(self.writes, before.writes) {
            return Some(format!("{rows} rows of it were written"));
        }
        if let Some(scans) = grown(self.index_scans, before.index_scans) {
            return Some(format!("it was read through its indexes {scans} times"));
        }
        let changed = self.rows.zip(before.rows).is_some_and(|(now, before)| now != before);
        changed.then(|| "its number of rows has changed".to_owned())
    }
}

/// The counts of a table, by its name without quotes. What is not told is as if it were not counted.
pub(super) async fn measure(connection: &mut Connection, schema: Option<&str>, table: &str) -> Usage {
    let dialect = connection.dialect();
    let text = |value: &str| literal(dialect, value);
    let sql = match dialect {
        Dialect::Postgres => format!(
            "SELECT n_tup_ins + n_tup_upd + n_tup_del, idx_scan, NULL FROM pg_stat_user_tables WHERE relname = {} AND {}",
            text(table),
            schema.map_or_else(
                || "pg_table_is_visible(relid)".to_owned(),
                |schema| format!("schemaname = {}", text(schema))
            )
        ),
        Dialect::Mysql => format!(
            "SELECT COUNT_WRITE, NULL, NULL FROM performance_schema.table_io_waits_summary_by_table \
             WHERE OBJECT_SCHEMA = {} AND OBJECT_NAME = {}",
            schema.map_or_else(|| "DATABASE()".to_owned(), text),
            text(table)
        ),
        Dialect::Sqlite => {
            format!("SELECT NULL, NULL, count(*) FROM {}", crate::identifier(dialect, table))
        }
    };
    let row = connection.rows(&sql).await.ok().and_then(|mut rows| rows.pop()).unwrap_or_default();
    let mut values = row.into_iter().map(|value| value.and_then(|value| value.parse().ok()));
    let mut next = || values.next().flatten();
    Usage { writes: next(), index_scans: next(), rows: next(), settled: Settled::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_is_what_grew() {
        let usage = |writes, index_scans| Usage { writes, index_scans, rows: None, settled: Settled::Yes };
        for (now, before, used) in [
            (usage(Some(5), Some(7)), usage(Some(5), Some(7)), None),
            (usage(Some(9), Some(7)), usage(Some(5), Some(7)), Some("4 rows of it were written")),
            (
                usage(Some(5), Some(8)),
                usage(Some(5), Some(7)),
                Some("it was read through its indexes 1 times"),
            ),
            (usage(Some(2), None), usage(Some(5), None), Some("2 rows of it were written")),
            (usage(None, None), usage(Some(5), Some(7)), None),
        ] {
            assert_eq!(now.since(&before).as_deref(), used);
        }
    }
}
