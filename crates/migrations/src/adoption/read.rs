//! Queries for what a tool has applied.

use bascule_sql::Dialect;

use super::sql::text_type;
use crate::format::Format;

/// What a row says: one version, or all up to it, or that one is gone again.
pub(super) const ONE: &str = "one";
pub(super) const UP_TO: &str = "up to";
pub(super) const GONE: &str = "gone";

pub(super) fn query(tool: Format, table: &str, dialect: Dialect) -> String {
    let text = |column: &str| format!("CAST({column} AS {})", text_type(dialect));
    let flag = |column: &str| format!("CASE WHEN {column} THEN '1' ELSE '0' END");
    match tool {
        Format::Bascule => String::new(),
        Format::Dbmate => format!("SELECT version, NULL, NULL, '1', '{ONE}' FROM {table} ORDER BY version"),
        Format::Diesel => {
            format!("SELECT version, NULL, NULL, '1', '{ONE}' FROM {table} ORDER BY run_on, version")
        }
        // The one row is the whole state.
        Format::GolangMigrate => {
            format!(
                "SELECT {}, NULL, NULL, CASE WHEN dirty THEN '0' ELSE '1' END, '{UP_TO}' FROM {table} LIMIT 1",
                text("version")
            )
        }
        // Each way up and down may have left a row: the last one of a version counts. Version 0 is the table itself.
        Format::Goose => format!(
            "SELECT {}, NULL, NULL, '1', CASE WHEN is_applied THEN '{ONE}' ELSE '{GONE}' END FROM {table} WHERE version_id > 0 ORDER BY id",
            text("version_id")
        ),
        Format::Sqlx => {
            let hex = match dialect {
                Dialect::Postgres => "encode(checksum, 'hex')",
                Dialect::Mysql | Dialect::Sqlite => "lower(hex(checksum))",
            };
            format!(
                "SELECT {}, description, {hex}, {}, '{ONE}' FROM {table} ORDER BY installed_on, version",
                text("version"),
                flag("success")
            )
        }
        Format::Refinery => {
            format!(
                "SELECT {}, name, checksum, '1', '{ONE}' FROM {table} ORDER BY applied_on, version",
                text("version")
            )
        }
        Format::Flyway => format!(
            "SELECT version, description, {}, {}, CASE WHEN type = 'BASELINE' THEN '{UP_TO}' WHEN type = 'DELETE' OR type LIKE 'UNDO%' THEN '{GONE}' ELSE '{ONE}' END FROM {table} WHERE type <> 'SCHEMA' ORDER BY installed_rank",
            text("checksum"),
            flag("success")
        ),
    }
}
