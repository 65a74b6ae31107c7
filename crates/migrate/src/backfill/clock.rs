//! The server's clock, in the words of each server. Times in our tables are the server's own: runners' clocks may differ.

use bascule_sql::Dialect;

/// The time now.
pub fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "clock_timestamp()",
        Dialect::Mysql => "UTC_TIMESTAMP(6)",
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ','now')",
    }
}

/// The time in so many seconds.
pub fn later(dialect: Dialect, seconds: u64) -> String {
    match dialect {
        Dialect::Postgres => format!("clock_timestamp() + interval '{seconds} seconds'"),
        Dialect::Mysql => format!("UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND"),
        Dialect::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%fZ','now','+{seconds} seconds')"),
    }
}

/// Seconds since the time in a column.
pub fn since(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("extract(epoch FROM clock_timestamp() - {column})"),
        Dialect::Mysql => format!("(TIMESTAMPDIFF(MICROSECOND, {column}, UTC_TIMESTAMP(6)) / 1000000)"),
        Dialect::Sqlite => format!("((julianday('now') - julianday({column})) * 86400)"),
    }
}

/// The time in a column as milliseconds since 1970.
pub fn milliseconds(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("(extract(epoch FROM {column}) * 1000)::bigint"),
        Dialect::Mysql => format!("(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {column}) DIV 1000)"),
        Dialect::Sqlite => format!("CAST(round((julianday({column}) - 2440587.5) * 86400000) AS INTEGER)"),
    }
}
