//! Statements that several recipes need.

use bascule_sql::Dialect;

use super::ProducedBackfill;
use super::name::{Table, made, quoted};
use crate::migration::Gate;

/// A column that may be null, which no kind of database writes the table anew for.
pub(super) fn add_column(table: &Table, column: &str, kind: &str, dialect: Dialect) -> String {
    let column = quoted(column, dialect);
    let table = table.sql();
    match dialect {
        // Where the server cannot do it in an instant it says so, instead of copying the table.
        Dialect::Mysql => format!("ALTER TABLE {table} ADD COLUMN {column} {kind} NULL, ALGORITHM=INSTANT"),
        Dialect::Postgres | Dialect::Sqlite => format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"),
    }
}

pub(super) fn drop_column(table: &Table, column: &str, dialect: Dialect) -> String {
    format!("ALTER TABLE {} DROP COLUMN {}", table.sql(), quoted(column, dialect))
}

/// `NOT NULL` without a scan under a lock (PostgreSQL): a constraint that holds for what is written from now on, whose validation lets
/// writers go on, and which then spares the scan.
pub(super) struct NotNull<'a> {
    table: &'a Table,
    column: &'a str,
    constraint: String,
    dialect: Dialect,
}

impl<'a> NotNull<'a> {
    pub(super) fn new(table: &'a Table, column: &'a str, dialect: Dialect) -> Self {
        let constraint = quoted(&made(&["bascule", table.own(), column, "not_null"]), dialect);
        Self { table, column, constraint, dialect }
    }

    /// In the expand, once a trigger sees to it that no writer leaves the column null.
    pub(super) fn expand(&self) -> Vec<String> {
        if self.dialect != Dialect::Postgres {
            return vec![];
        }
        let (table, column) = (self.table.sql(), quoted(self.column, self.dialect));
        vec![format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} CHECK ({column} IS NOT NULL) NOT VALID",
            self.constraint
        )]
    }

    /// Takes the expand back.
    pub(super) fn down(&self) -> Vec<String> {
        if self.dialect != Dialect::Postgres {
            return vec![];
        }
        vec![format!("ALTER TABLE {} DROP CONSTRAINT {}", self.table.sql(), self.constraint)]
    }

    /// In the contract. MySQL wants the column's type once more.
    pub(super) fn contract(&self, kind: &str) -> Vec<String> {
        let (table, column) = (self.table.sql(), quoted(self.column, self.dialect));
        match self.dialect {
            Dialect::Postgres => vec![
                format!("ALTER TABLE {table} VALIDATE CONSTRAINT {}", self.constraint),
                format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"),
                format!("ALTER TABLE {table} DROP CONSTRAINT {}", self.constraint),
            ],
            Dialect::Mysql => vec![format!(
                "ALTER TABLE {table} MODIFY COLUMN {column} {kind} NOT NULL, ALGORITHM=INPLACE, LOCK=NONE"
            )],
            // Recipes refuse before they come here.
            Dialect::Sqlite => vec![],
        }
    }
}

/// Lets a column that is about to go be null, so that no writer needs it once its trigger is gone.
pub(super) fn let_be_null(table: &Table, column: &str, kind: &str, dialect: Dialect) -> Vec<String> {
    let (table, column) = (table.sql(), quoted(column, dialect));
    match dialect {
        Dialect::Postgres => vec![format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")],
        Dialect::Mysql => {
            vec![format!(
                "ALTER TABLE {table} MODIFY COLUMN {column} {kind} NULL, ALGORITHM=INPLACE, LOCK=NONE"
            )]
        }
        Dialect::Sqlite => vec![],
    }
}

/// A backfill of a table.
pub(super) fn backfill(
    table: &Table,
    key: &[String],
    batch: u32,
    gate: Gate,
    set: &str,
    only: &str,
) -> ProducedBackfill {
    let table = table.sql();
    let statement = format!("UPDATE {table} SET {set} WHERE {only}");
    ProducedBackfill { table, key: key.to_vec(), batch, gate, statement }
}
