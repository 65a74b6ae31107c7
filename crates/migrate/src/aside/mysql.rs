//! MySQL and MariaDB: what helps who may not make a database.

use super::name::Purpose;
use crate::error::DatabaseError;

pub(super) fn there(purpose: Purpose) -> String {
    format!("SHOW DATABASES LIKE '{}\\_%'", purpose.prefix().replace('_', "\\_"))
}

/// How it is asked who is refused, and what helps `USER`.
pub(super) fn remedy(error: &DatabaseError) -> Option<(&'static str, &'static str)> {
    let who = "SELECT CURRENT_USER()";
    error.is("1044").then_some((who, "``GRANT ALL ON `bascule\\_%`.* TO USER`` lets it"))
}
