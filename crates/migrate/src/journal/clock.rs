//! The server's clock, in the words of each server.

use bascule_sql::Dialect;

/// The time now.
pub fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "clock_timestamp()",
        Dialect::Mysql => "UTC_TIMESTAMP(6)",
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ','now')",
    }
}

/// The time at which the transaction began, where the server knows it.
pub fn begun(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "now()",
        Dialect::Mysql | Dialect::Sqlite => now(dialect),
    }
}

/// A time as milliseconds since 1970.
pub fn milliseconds(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("(extract(epoch FROM {column}) * 1000)::bigint"),
        Dialect::Mysql => format!("(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {column}) DIV 1000)"),
        Dialect::Sqlite => format!("CAST(round((julianday({column}) - 2440587.5) * 86400000) AS INTEGER)"),
    }
}
