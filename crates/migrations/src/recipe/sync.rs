//! Triggers that keep former and new columns of a table the same, whichever release writes.
//!
//! On insert, the new columns win where one of them is given: only the new release writes them, while a former column may have got its
//! default. On update, what was changed wins, the new columns first. A row that no backfill has reached yet is filled in as soon as
//! it is written. "Changed" is by bytes, not by collation: `ann` to `Ann` is a change.

mod mysql;
mod postgres;
mod sqlite;

use bascule_sql::Dialect;

use super::name::{Table, made, quoted};
use super::template::Template;

/// A column, and the expression that gives it.
pub(super) type Given = (String, Template);

/// What is kept the same.
pub(super) struct Sync<'a> {
    pub table: &'a Table,
    /// Columns that say which row it is; SQLite's triggers have to find it again.
    pub key: &'a [String],
    /// The new columns, from the former ones.
    pub forward: Vec<Given>,
    /// The former columns, from the new ones; none where nobody writes the new ones yet.
    pub back: Vec<Given>,
    pub dialect: Dialect,
}

impl Sync<'_> {
    /// Makes the triggers.
    pub(super) fn create(&self) -> Vec<String> {
        match self.dialect {
            Dialect::Postgres => postgres::create(self),
            Dialect::Mysql => mysql::create(self),
            Dialect::Sqlite => sqlite::create(self),
        }
    }

    /// Drops them.
    pub(super) fn remove(&self) -> Vec<String> {
        match self.dialect {
            Dialect::Postgres => postgres::remove(self),
            Dialect::Mysql => mysql::remove(self),
            Dialect::Sqlite => sqlite::remove(self),
        }
    }

    /// What a backfill sets.
    pub(super) fn set(&self) -> String {
        let one = |(column, from): &Given| {
            format!("{} = {}", quoted(column, self.dialect), from.sql("", self.dialect))
        };
        self.forward.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// All new columns are null, with something before each of them.
    fn empty(&self, before: &str) -> String {
        let one = |(column, _): &Given| format!("{before}{} IS NULL", quoted(column, self.dialect));
        self.forward.iter().map(one).collect::<Vec<_>>().join(" AND ")
    }

    /// All former columns are null, and not all new ones: they were written while there was no trigger, between a contract and its
    /// undo. Whoever writes such a row next fills the former columns in.
    fn left_behind(&self, before: &str) -> String {
        let one = |(column, _): &Given| format!("{before}{} IS NULL", quoted(column, self.dialect));
        let former = self.back.iter().map(one).collect::<Vec<_>>().join(" AND ");
        format!("{former} AND NOT ({})", self.empty(before))
    }

    /// Rows that the backfill has to fill in: nothing is in the new columns, and something in the former ones.
    pub(super) fn missing(&self, former: &[String]) -> String {
        let one = |column: &String| format!("{} IS NOT NULL", quoted(column, self.dialect));
        let some = former.iter().map(one).collect::<Vec<_>>().join(" AND ");
        format!("{} AND {some}", self.empty(""))
    }

    fn name(&self, what: &str) -> String {
        let column = self.forward.first().map_or("", |(column, _)| column.as_str());
        // PostgreSQL fires triggers in the order of their names, and this one has to see what the others did.
        let first = if self.dialect == Dialect::Postgres { "zz_bascule" } else { "bascule" };
        made(&[first, self.table.own(), column, what])
    }
}
