//! Names and values in the SQL for other tools' tables.

use std::fmt::Write as _;

use bascule_sql::Dialect;

/// A name, perhaps with a schema, as an identifier.
pub(super) fn identifier(name: &str, dialect: Dialect) -> String {
    let one = |part: &str| match dialect {
        Dialect::Mysql => format!("`{}`", part.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", part.replace('"', "\"\"")),
    };
    name.split('.').map(one).collect::<Vec<_>>().join(".")
}

/// A text as a literal, whatever is in it.
pub(super) fn literal(text: &str, dialect: Dialect) -> String {
    let quoted = format!("'{}'", text.replace('\'', "''"));
    match dialect {
        // Whether a backslash means something is a setting of the session: bytes leave no doubt.
        Dialect::Mysql if text.contains('\\') => {
            let mut hex = String::new();
            for byte in text.bytes() {
                let _ = write!(hex, "{byte:02x}");
            }
            format!("CONVERT(x'{hex}' USING utf8mb4)")
        }
        Dialect::Postgres if text.contains('\\') => format!("E{}", quoted.replace('\\', "\\\\")),
        Dialect::Mysql | Dialect::Postgres | Dialect::Sqlite => quoted,
    }
}

/// Bytes, from hex.
pub(super) fn bytes(hex: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => format!("decode('{hex}', 'hex')"),
        Dialect::Mysql | Dialect::Sqlite => format!("x'{hex}'"),
    }
}

/// The type of a text in a cast.
pub(super) fn text_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Mysql => "CHAR",
        Dialect::Postgres | Dialect::Sqlite => "TEXT",
    }
}

/// True, as a value of the column.
pub(super) fn truth(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "1",
        Dialect::Postgres | Dialect::Mysql => "TRUE",
    }
}
