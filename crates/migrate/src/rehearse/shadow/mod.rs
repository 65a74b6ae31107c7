//! Copies of a database that a rehearsal may do anything to.
//!
//! A copy that a killed rehearsal has left is dropped by the next one; nothing else ever is (see [`crate::aside`]).

mod configured;
mod mysql;
mod postgres;
mod sqlite;

use bascule_sql::Dialect;

use super::error::{RehearseError, query};
use super::report::{Copied, How, Rows};
use super::{Place, Request};
use crate::address::Address;
use crate::aside::Aside;
use crate::connection::Connection;
use crate::error::{DatabaseError, Error};
use crate::schema::{Filter, Snapshot, diff, snapshot};

/// What the server shows of our connections.
pub(super) const APPLICATION: &str = "bascule rehearsal";

/// A copy.
pub(super) struct Shadow {
    /// To it.
    pub connection: Connection,
    /// Where it is.
    pub address: Address,
    /// What it is.
    pub copied: Copied,
    /// The other databases of the server, where a statement can name one.
    pub databases: Vec<String>,
    /// What was dropped before.
    pub cleaned: Vec<String>,
    /// What sets a session to what it is in the database.
    pub settings: String,
    kept: Kept,
}

/// What says that it is in use, and what it takes to drop it.
enum Kept {
    Aside(Aside),
    Configured,
    Sqlite { file: std::path::PathBuf, _lock: std::fs::File },
}

impl Shadow {
    /// Makes one.
    pub(super) async fn make(request: &Request<'_>) -> Result<Self, RehearseError> {
        match (request.database.dialect(), &request.place) {
            (Dialect::Sqlite, _) => sqlite::make(request).await,
            (Dialect::Postgres, Place::Own) => postgres::make(request).await,
            (Dialect::Mysql, Place::Own) => mysql::make(request).await,
            (_, Place::At(address)) => configured::make(request, address).await,
        }
    }

    /// Makes it anew: it is as after [`Shadow::make`].
    pub(super) async fn renew(&mut self, request: &Request<'_>) -> Result<(), RehearseError> {
        if matches!(self.kept, Kept::Configured) {
            // The one that holds the lock goes on holding it.
            let other = open(&self.address).await?;
            let mut holder = std::mem::replace(&mut self.connection, other);
            configured::empty(&mut holder).await.map_err(query("emptying the copy"))?;
            *self = configured::fill(request, &self.address, holder).await?;
            return Ok(());
        }
        let new = Self::make(request).await?;
        std::mem::replace(self, new).remove().await
    }

    /// Sets the session back to what it was in the beginning.
    pub(super) async fn reset(&mut self) -> Result<(), DatabaseError> {
        let sql = match self.connection.dialect() {
            Dialect::Postgres => format!("RESET ALL; RESET ROLE; {}", self.settings),
            Dialect::Mysql => {
                "SET SESSION foreign_key_checks = DEFAULT, sql_mode = DEFAULT, unique_checks = DEFAULT"
                    .to_owned()
            }
            Dialect::Sqlite => return Ok(()),
        };
        self.connection.run(&sql).await.map(drop)
    }

    /// Drops it.
    pub(super) async fn remove(self) -> Result<(), RehearseError> {
        match self.kept {
            Kept::Aside(aside) => {
                self.connection.close().await;
                aside.remove().await.map_err(query("dropping the copy"))?;
            }
            Kept::Sqlite { file, .. } => {
                self.connection.close().await;
                sqlite::remove(&file)
                    .map_err(|source| RehearseError::File { doing: "removing the copy", source })?;
            }
            Kept::Configured => {
                let mut connection = self.connection;
                configured::empty(&mut connection).await.map_err(query("emptying the copy"))?;
                // The server may see only later that the connection is gone; the next one is let in now.
                configured::unlock(&mut connection).await.map_err(query("emptying the copy"))?;
                connection.close().await;
            }
        }
        Ok(())
    }
}

/// What is known of the database before it is copied.
struct Original {
    name: String,
    bytes: u64,
    schema: Snapshot,
}

impl Original {
    fn rows(&self, request: &Request<'_>) -> Rows {
        if self.bytes <= request.rows_up_to { Rows::All } else { Rows::None }
    }

    /// What came of copying it.
    async fn copied(&self, copy: &mut Connection, how: How, rows: Rows) -> Result<Copied, RehearseError> {
        let schema = snapshot(copy, &Filter::default()).await.map_err(query("reading the copy's schema"))?;
        let mut differences = diff(&self.schema, &schema);
        // An event would run in the copy too: it is not copied.
        differences.retain(|difference| difference.kind != "event");
        Ok(Copied { how, rows, bytes: self.bytes, differences })
    }
}

async fn open(address: &Address) -> Result<Connection, Error> {
    Connection::open(address, APPLICATION).await
}
