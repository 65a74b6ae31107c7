//! Which servers we know, and what each promises.

use crate::connection::Server;
use crate::error::Error;

/// Refuses what is older than what we know.
pub fn check(server: Server) -> Result<(), Error> {
    let too_old = |found: String, needed| Err(Error::TooOld { found, needed });
    match server {
        Server::Postgres(version) if version < 130_000 => {
            too_old(format!("PostgreSQL {}.{}", version / 10_000, version % 10_000), "PostgreSQL 13")
        }
        Server::Mysql(major, minor, patch) if major < 8 => {
            too_old(format!("MySQL {major}.{minor}.{patch}"), "MySQL 8.0")
        }
        Server::MariaDb(major, minor, patch) if (major, minor) < (10, 11) => {
            too_old(format!("MariaDB {major}.{minor}.{patch}"), "MariaDB 10.11")
        }
        Server::Sqlite(major, minor, patch) if (major, minor) < (3, 35) => {
            too_old(format!("SQLite {major}.{minor}.{patch}"), "SQLite 3.35")
        }
        _ => Ok(()),
    }
}

/// What a server promises, in one sentence.
pub fn guarantees(server: Server) -> &'static str {
    match server {
        Server::Postgres(_) => {
            "PostgreSQL: a file is one transaction with its journal, so one that fails leaves nothing; statements that cannot be in one \
             (CREATE INDEX CONCURRENTLY) are looked up in the catalog after a crash"
        }
        Server::Mysql(..) | Server::MariaDb(..) => {
            "MySQL and MariaDB commit every schema change by itself: a file that fails stays applied up to the failed statement, and the \
             next run goes on there"
        }
        Server::Sqlite(..) => {
            "SQLite: a file is one transaction with its journal, so one that fails leaves nothing"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_are_too_old_are_named() {
        for (server, found) in [
            (Server::Postgres(120_022), Some("PostgreSQL 12.22")),
            (Server::Postgres(130_000), None),
            (Server::Mysql(5, 7, 44), Some("MySQL 5.7.44")),
            (Server::Mysql(8, 0, 1), None),
            (Server::MariaDb(10, 6, 5), Some("MariaDB 10.6.5")),
            (Server::MariaDb(11, 4, 2), None),
            (Server::Sqlite(3, 34, 1), Some("SQLite 3.34.1")),
            (Server::Sqlite(3, 45, 0), None),
        ] {
            let outcome = check(server).err();
            let found = found.map(str::to_owned);
            assert_eq!(
                outcome.map(|error| match error {
                    Error::TooOld { found, .. } => found,
                    other => other.to_string(),
                }),
                found
            );
        }
    }
}
