//! Which database answers at an address: two addresses, one of them perhaps a pooler's, lead to the same one or they do not.
//!
//! A server is known by what it says of itself, which needs no permission: on PostgreSQL the moment of its start, to the microsecond,
//! so that a replica is not taken for its primary; on MySQL and MariaDB its own number. Changes nothing.

use bascule_sql::Dialect;

use crate::address::Address;
use crate::connection::Connection;
use crate::error::Error;

/// Where another address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To the same database.
    ThereToo,
    /// To another one: what differs.
    Elsewhere(&'static str),
}

/// Asks whether an address leads to the database of a connection.
///
/// # Errors
/// That the address cannot be asked; what the server of the connection says.
pub async fn leads(connection: &mut Connection, other: &Address) -> Result<Leads, Error> {
    if connection.dialect() != other.dialect() {
        return Ok(Leads::Elsewhere("it is another kind of server"));
    }
    let mut second = Connection::open(other, "bascule:same").await?;
    let there = identity(&mut second).await;
    second.close().await;
    let there = there?;
    // Asked afterwards: a server that began anew in between is the same one.
    let here = identity(connection).await?;
    Ok(compare(&here, &there))
}

/// A server and the database in it, as they call themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    server: String,
    database: String,
}

fn compare(here: &Identity, there: &Identity) -> Leads {
    if here.server != there.server {
        Leads::Elsewhere("it is another server")
    } else if here.database != there.database {
        Leads::Elsewhere("it is another database of the same server")
    } else {
        Leads::ThereToo
    }
}

async fn identity(connection: &mut Connection) -> Result<Identity, Error> {
    let candidates: &[&str] = match connection.dialect() {
        Dialect::Postgres => {
            &["SELECT extract(epoch FROM pg_postmaster_start_time())::text, oid::text FROM pg_database \
                                WHERE datname = current_database()"]
        }
        Dialect::Mysql => &[
            "SELECT @@server_uuid, DATABASE()",
            "SELECT @@server_uid, DATABASE()",
            "SELECT CONCAT_WS(':', @@hostname, @@port, @@datadir), DATABASE()",
        ],
        Dialect::Sqlite => &["SELECT 'file', file FROM pragma_database_list WHERE name = 'main'"],
    };
    let mut outcome = Err(Error::Address("it names no database".to_owned()));
    for sql in candidates {
        outcome = match connection.rows(sql).await {
            Ok(rows) => return read(rows.into_iter().next().unwrap_or_default()),
            // There is no such variable.
            Err(error) if error.is("1193") => Err(Error::of("asking which server it is", error)),
            Err(error) => return Err(Error::of("asking which server it is", error)),
        };
    }
    outcome
}

fn read(row: crate::Row) -> Result<Identity, Error> {
    match <[Option<String>; 2]>::try_from(row) {
        Ok([Some(server), Some(database)]) => Ok(Identity { server, database }),
        _ => Err(Error::Address("it names no database".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_said() {
        let identity = |server: &str, database: &str| Identity {
            server: server.to_owned(),
            database: database.to_owned(),
        };
        let here = identity("1", "5");
        for (there, leads) in [
            (identity("1", "5"), Leads::ThereToo),
            (identity("1", "6"), Leads::Elsewhere("it is another database of the same server")),
            (identity("2", "5"), Leads::Elsewhere("it is another server")),
        ] {
            assert_eq!(compare(&here, &there), leads);
        }
    }
}
