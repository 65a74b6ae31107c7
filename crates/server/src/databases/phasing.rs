//! Files as phases: what is pending is split into what the live release can live with and what goes when it is gone.

use bascule_migrate::{Journal, Record};
use bascule_migrations::Migration;
use bascule_model::problem::{Code, Problem};
use bascule_sql::Dialect;

/// Splits what is pending. What was applied stays as its file is: it is compared by its text.
///
/// # Errors
/// `MIGRATIONS_UNREADABLE` with the file and the reason, for one that cannot be split.
pub fn phased(set: &[Migration], journal: &Journal, dialect: Dialect) -> Result<Vec<Migration>, Problem> {
    set.iter()
        .map(|migration| {
            if journal.find(&migration.version).is_some_and(Record::stands) {
                return Ok(migration.clone());
            }
            bascule_migrations::phase(migration, dialect).map_err(|error| {
                Problem::new(
                    Code::MigrationsUnreadable,
                    error.to_string(),
                    "write it as two migrations, or in our own format with the sections `-- expand` and `-- contract`",
                )
            })
        })
        .collect()
}
