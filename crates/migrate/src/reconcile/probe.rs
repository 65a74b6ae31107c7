//! What is asked of the catalog before a statement is sent, and again when nobody saw it end. Pure.

use bascule_sql::{Action, Dialect, Maintenance, ObjectKind, Reading, Statement, TableChange};

use super::mysql;
use crate::connection::literal;

/// A question to the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    /// PostgreSQL: the indexes of a table, each with whether it is valid.
    Indexes { sql: String },
    /// PostgreSQL: whether a partition is still there, or half gone. `finish` brings it to its end.
    Partition { sql: String, finish: String },
    /// Something that comes or goes as a whole: its number, or nothing.
    Existence { sql: String },
    /// MySQL: a fingerprint of each thing that the statement is about.
    Fingerprints { sql: String, all_go: bool },
    /// It can be run again.
    Repeatable,
}

impl Probe {
    /// The question as one expression.
    pub fn sql(&self) -> &str {
        match self {
            Self::Indexes { sql }
            | Self::Partition { sql, .. }
            | Self::Existence { sql }
            | Self::Fingerprints { sql, .. } => sql,
            Self::Repeatable => "''",
        }
    }
}

/// What is asked about a statement; none where we do not know what to ask.
pub(crate) fn probe(dialect: Dialect, statement: &Statement) -> Option<Probe> {
    let reading = bascule_sql::read(statement, dialect);
    match dialect {
        Dialect::Postgres => postgres(&reading),
        Dialect::Mysql => mysql::probe(&reading),
        Dialect::Sqlite => Some(Probe::Repeatable),
    }
}

fn postgres(reading: &Reading) -> Option<Probe> {
    let [action] = reading.actions.as_slice() else { return None };
    let text = |text: &str| literal(Dialect::Postgres, text);
    let existence = |sql: String| Some(Probe::Existence { sql });
    match action {
        Action::CreateIndex(index) => {
            let of = format!("to_regclass({})", text(&index.table.written));
            Some(Probe::Indexes { sql: indexes(&format!("indrelid = {of}")) })
        }
        // It makes nothing that is not there already; what an interrupted one leaves is dropped.
        Action::Reindex(_) => Some(Probe::Repeatable),
        Action::DropIndex { indexes, .. } => {
            let numbers: Vec<String> = indexes
                .iter()
                .map(|index| format!("to_regclass({})::oid::text", text(&index.written)))
                .collect();
            existence(format!("nullif(concat_ws(',', {}), '')", numbers.join(", ")))
        }
        Action::ChangeTable { table, change: TableChange::DetachPartition { partition, .. } } => {
            let (of, part) = (text(&table.written), text(&partition.written));
            Some(Probe::Partition {
                // The column came with the statement, in version 14.
                sql: format!(
                    "(SELECT inhdetachpending::text FROM pg_inherits \
                     WHERE inhrelid = to_regclass({part}) AND inhparent = to_regclass({of}))"
                ),
                finish: format!(
                    "ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                    table.written, partition.written
                ),
            })
        }
        Action::CreateObject { kind, name: Some(name), .. } => existence(object(*kind, &text(&name.name))?),
        Action::DropObject { kind, names, .. } => match names.as_slice() {
            [name] => existence(object(*kind, &text(&name.name))?),
            _ => None,
        },
        Action::Maintain { maintenance, .. } => match maintenance {
            Maintenance::Vacuum
            | Maintenance::VacuumFull
            | Maintenance::Analyze
            | Maintenance::Cluster
            | Maintenance::Other => Some(Probe::Repeatable),
            Maintenance::Optimize => None,
        },
        Action::RefreshView { .. } | Action::Set(_) => Some(Probe::Repeatable),
        Action::AlterObject { kind: ObjectKind::Server, .. } => Some(Probe::Repeatable),
        _ => None,
    }
}

fn indexes(which: &str) -> String {
    format!(
        "coalesce((SELECT string_agg(indexrelid::text || CASE WHEN indisvalid THEN '' ELSE '!' END, ',' \
         ORDER BY indexrelid) FROM pg_index WHERE {which}), '')"
    )
}

/// The number of a thing that cannot be made in a transaction.
fn object(kind: ObjectKind, name: &str) -> Option<String> {
    let (catalog, column) = match kind {
        ObjectKind::Database => ("pg_database", "datname"),
        ObjectKind::Tablespace => ("pg_tablespace", "spcname"),
        ObjectKind::Subscription => ("pg_subscription", "subname"),
        _ => return None,
    };
    Some(format!("(SELECT oid::text FROM {catalog} WHERE {column} = {name})"))
}
