//! What a statement means for the releases that run on the database.

mod meaning;
mod mysql;
mod part;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;
mod touches;

use crate::{Dialect, Effect, Reading, Statement, read};

/// What a statement means for whoever uses the database. Nothing is known of the tables: they are taken to be there,
/// with rows, and used by the release that runs. What touches only tables that are made in the same run is none of
/// that release's business, whatever its class.
#[must_use]
pub fn classify(statement: &Statement, dialect: Dialect) -> Effect {
    classify_reading(&read(statement, dialect), dialect)
}

/// The same, of a statement that has been read.
#[must_use]
pub fn classify_reading(reading: &Reading, dialect: Dialect) -> Effect {
    let parts = reading
        .actions
        .iter()
        .map(|action| {
            let touches = touches::touches(action);
            let work = match dialect {
                Dialect::Postgres => postgres::work(action),
                Dialect::Mysql => mysql::work(action, reading),
                Dialect::Sqlite => sqlite::work(action, &touches),
            };
            (meaning::meaning(action, dialect), work, touches)
        })
        .collect();
    part::together(parts)
}
