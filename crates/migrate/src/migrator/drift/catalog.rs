//! The tables, columns and indexes that are there, in one question each.

use bascule_sql::Dialect;

use super::Thing;
use crate::connection::Connection;
use crate::error::Error;

/// What the catalog says.
#[derive(Debug)]
pub struct Catalog {
    dialect: Dialect,
    /// Schema, whether names without one mean it, table, column; the column is empty for the table itself.
    columns: Vec<(String, bool, String, String)>,
    /// The same with indexes.
    indexes: Vec<(String, bool, String, String)>,
}

pub async fn read(connection: &mut Connection) -> Result<Catalog, Error> {
    let dialect = connection.dialect();
    let (columns, indexes) = match dialect {
        Dialect::Postgres => (
            "SELECT n.nspname, n.nspname = ANY (current_schemas(false)), c.relname, a.attname FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'bascule')",
            "SELECT n.nspname, n.nspname = ANY (current_schemas(false)), t.relname, i.relname FROM pg_index x \
             JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
             JOIN pg_namespace n ON n.oid = t.relnamespace \
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'bascule', 'pg_toast')",
        ),
        Dialect::Mysql => (
            "SELECT table_schema, table_schema = DATABASE(), table_name, column_name FROM information_schema.columns \
             WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')",
            "SELECT DISTINCT table_schema, table_schema = DATABASE(), table_name, index_name FROM \
             information_schema.statistics WHERE table_schema NOT IN ('mysql', 'sys')",
        ),
        Dialect::Sqlite => (
            "SELECT 'main', 1, m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type IN ('table', 'view')",
            "SELECT 'main', 1, tbl_name, name FROM sqlite_master WHERE type = 'index'",
        ),
    };
    let mut list = async |sql: &str| {
        let rows = connection.rows(sql).await.map_err(Error::query("reading the catalog"))?;
        Ok::<_, Error>(rows.into_iter().map(entry).collect::<Vec<_>>())
    };
    Ok(Catalog { dialect, columns: list(columns).await?, indexes: list(indexes).await? })
}

fn entry(row: crate::connection::Row) -> (String, bool, String, String) {
    let mut row = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || row.next().unwrap_or_default();
    let (schema, usual) = (next(), next());
    (schema, matches!(usual.as_str(), "t" | "true" | "1"), next(), next())
}

impl Catalog {
    /// Whether it is there.
    pub fn has(&self, thing: &Thing) -> bool {
        let same = |one: &str, other: &str| match self.dialect {
            Dialect::Postgres => one == other,
            Dialect::Mysql | Dialect::Sqlite => one.eq_ignore_ascii_case(other),
        };
        let (schema, table) = thing.table();
        let of_table = |(its, usual, name, _): &&(String, bool, String, String)| {
            same(name, table) && schema.map_or(*usual, |schema| same(its, schema))
        };
        match thing {
            Thing::Table { .. } => self.columns.iter().any(|one| of_table(&one)),
            Thing::Column { column, .. } => {
                self.columns.iter().filter(of_table).any(|one| same(&one.3, column))
            }
            Thing::Index { index, .. } => self.indexes.iter().filter(of_table).any(|one| same(&one.3, index)),
        }
    }
}
