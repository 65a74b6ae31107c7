//! PostgreSQL: forms of databases, and what helps who may not make one.

use bascule_sql::Dialect;

use super::name::Purpose;
use crate::connection::{Connection, literal};
use crate::error::DatabaseError;

/// Versions that know less of a database have no such column.
const FORM: &str = "\
SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, to_jsonb(d) ->> 'datlocprovider', \
    COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') \
FROM pg_database d WHERE d.datname = current_database()";

/// How a database like the one that is connected is made: what its `CREATE DATABASE` takes after the name.
///
/// # Errors
/// What the server says.
pub async fn form(connection: &mut Connection) -> Result<String, DatabaseError> {
    let row = connection.rows(FORM).await?.into_iter().next().unwrap_or_default();
    let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let value = |at: usize| literal(Dialect::Postgres, &text(at));
    let locale = match text(3).as_str() {
        "i" => format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", value(4)),
        "b" => format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", value(4)),
        _ => String::new(),
    };
    Ok(format!(
        "TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}{locale}",
        value(0),
        value(1),
        value(2)
    ))
}

pub(super) fn there(purpose: Purpose) -> String {
    let prefix = purpose.prefix().replace('_', "\\_");
    format!("SELECT datname FROM pg_database WHERE datname LIKE '{prefix}\\_%'")
}

/// How it is asked who is refused, and what helps `USER`.
pub(super) fn remedy(error: &DatabaseError) -> Option<(&'static str, &'static str)> {
    error.is("42501").then_some(("SELECT current_user", "`ALTER ROLE USER CREATEDB` lets it"))
}
