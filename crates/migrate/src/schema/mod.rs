//! The schema of a database as a sorted list of objects, read from its catalog, and what differs between two of them.
//!
//! The order of columns does not count: a column that was dropped and made again is where it was as far as anybody who names columns
//! can tell. What is ours (`bascule`) and other tools' version tables are left out.

mod difference;
mod filter;
mod mysql;
mod normal;
mod postgres;
mod snapshot;
mod sqlite;

pub use difference::{Change, Difference, diff};
pub use filter::Filter;
pub(crate) use normal::words;
pub use snapshot::{Object, Snapshot};

use bascule_sql::Dialect;

use crate::connection::Connection;
use crate::error::DatabaseError;

/// The first name of whatever is a copy that we made (`bascule_shadow_…`).
pub(crate) const SHADOW: &str = "bascule_shadow";

/// Reads the schema of the database that is connected. May be asked within a transaction: it then shows what that has changed.
///
/// One round trip with PostgreSQL and SQLite, two with MySQL.
///
/// # Errors
/// What the server says.
pub async fn snapshot(connection: &mut Connection, filter: &Filter) -> Result<Snapshot, DatabaseError> {
    let objects = match connection.dialect() {
        Dialect::Postgres => postgres::objects(connection, filter).await?,
        Dialect::Mysql => mysql::objects(connection, filter).await?,
        Dialect::Sqlite => sqlite::objects(connection, filter).await?,
    };
    Ok(Snapshot::new(connection.dialect(), objects))
}
