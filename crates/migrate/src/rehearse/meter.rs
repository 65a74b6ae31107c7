//! What a statement does to the tables that are there: locks that it holds, tables that it writes anew.

use std::collections::{BTreeMap, BTreeSet};

use bascule_sql::LockMode;

use super::report::{Held, Seen};
use crate::address::Address;
use crate::connection::{Connection, Server};
use crate::error::{DatabaseError, Error};

/// Tables of whose locks and files is asked.
const FILES: &str = "\
SELECT 'file', c.oid, c.relfilenode, quote_ident(n.nspname) || '.' || quote_ident(c.relname) \
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
const LOCKS: &str = "\
SELECT 'lock', relation, 0, mode FROM pg_locks WHERE granted AND locktype = 'relation' AND mode <> 'AccessShareLock' AND pid = ";

/// Watches one migration.
pub(super) struct Meter {
    server: Server,
    /// What was there before it, by number: its file and its name.
    known: BTreeMap<String, (String, String)>,
    held: BTreeSet<Held>,
}

/// What one statement did.
#[derive(Default)]
pub(super) struct Measured {
    pub locks: Vec<Held>,
    pub rewrites: Vec<String>,
}

impl Meter {
    /// Sees what is there.
    pub(super) async fn begin(connection: &mut Connection) -> Result<Self, DatabaseError> {
        let server = connection.server();
        let known = files(connection).await?;
        Ok(Self { server, known, held: BTreeSet::new() })
    }

    /// How well it sees what a statement does within a transaction.
    pub(super) fn sees(&self) -> Seen {
        if matches!(self.server, Server::Postgres(_)) { Seen::All } else { Seen::Nothing }
    }

    /// After a statement, in its session; within its transaction where it has one.
    pub(super) async fn measure(&mut self, connection: &mut Connection) -> Result<Measured, DatabaseError> {
        if !matches!(self.server, Server::Postgres(_)) {
            return Ok(Measured { locks: Vec::new(), rewrites: self.rewrites(&files(connection).await?) });
        }
        let sql = format!("{FILES} UNION ALL {LOCKS} pg_backend_pid()");
        let (locks, files) = connection.rows(&sql).await?.into_iter().partition(|row| kind(row) == "lock");
        let locks = self.locks(locks);
        let new = locks.into_iter().filter(|held| self.held.insert(held.clone())).collect();
        Ok(Measured { locks: new, rewrites: self.rewrites(&by_number(files)) })
    }

    /// The transaction has ended, and its locks with it.
    pub(super) fn released(&mut self) {
        self.held.clear();
    }

    /// Runs a statement that may stand in no transaction, and looks at its locks from beside it.
    pub(super) async fn watch(
        &mut self,
        connection: &mut Connection,
        address: &Address,
        sql: &str,
    ) -> Result<Result<(u64, Vec<Held>), DatabaseError>, Error> {
        let doing = "looking at the locks of a statement";
        let pid = connection.value("SELECT pg_backend_pid()").await;
        let pid = pid.map_err(|source| Error::Query { doing, source })?.unwrap_or_default();
        let mut beside = Connection::open(address, "bascule rehearsal, watching").await?;
        let question = format!("{LOCKS}{pid}");
        let mut seen = BTreeSet::new();
        let mut run = std::pin::pin!(connection.run(sql));
        let outcome = loop {
            tokio::select! {
                outcome = &mut run => break outcome,
                rows = beside.rows(&question) => {
                    seen.extend(self.locks(rows.map_err(|source| Error::Query { doing, source })?));
                }
            }
        };
        Ok(outcome.map(|changed| (changed, seen.into_iter().collect())))
    }

    /// The locks on what was there before.
    fn locks(&self, rows: Vec<crate::connection::Row>) -> BTreeSet<Held> {
        let held = rows.into_iter().filter_map(|row| {
            let [_, Some(number), _, Some(mode)] = <[_; 4]>::try_from(row).ok()? else { return None };
            let (_, table) = self.known.get(&number)?;
            Some(Held { table: table.clone(), mode: lock_mode(&mode)? })
        });
        held.collect()
    }

    /// What was there and is in another file now. Not said again for the next statement.
    fn rewrites(&mut self, now: &BTreeMap<String, (String, String)>) -> Vec<String> {
        let mut rewritten = Vec::new();
        for (number, (file, name)) in &mut self.known {
            if let Some((new, _)) = now.get(number)
                && new != file
            {
                new.clone_into(file);
                rewritten.push(name.clone());
            }
        }
        rewritten
    }
}

fn kind(row: &crate::connection::Row) -> &str {
    row.first().and_then(Option::as_deref).unwrap_or_default()
}

async fn files(connection: &mut Connection) -> Result<BTreeMap<String, (String, String)>, DatabaseError> {
    let rows = match connection.server() {
        Server::Postgres(_) => connection.rows(FILES).await?,
        // A table that is copied gets another number. Who may not ask sees nothing.
        Server::MariaDb(..) => connection.rows(&innodb("innodb_sys_tables")).await.unwrap_or_default(),
        Server::Mysql(..) => connection.rows(&innodb("innodb_tables")).await.unwrap_or_default(),
        Server::Sqlite(..) => Vec::new(),
    };
    Ok(by_number(rows))
}

fn innodb(view: &str) -> String {
    format!(
        "SELECT 'file', name, table_id, SUBSTRING_INDEX(name, '/', -1) FROM information_schema.{view} \
         WHERE name LIKE CONCAT(REPLACE(DATABASE(), '_', '\\_'), '/%')"
    )
}

fn by_number(rows: Vec<crate::connection::Row>) -> BTreeMap<String, (String, String)> {
    let known = rows.into_iter().filter_map(|row| {
        let [_, Some(number), Some(file), Some(name)] = <[_; 4]>::try_from(row).ok()? else { return None };
        Some((number, (file, name)))
    });
    known.collect()
}

/// As the server writes it: `AccessExclusiveLock`.
fn lock_mode(text: &str) -> Option<LockMode> {
    Some(match text.strip_suffix("Lock")? {
        "AccessShare" => LockMode::AccessShare,
        "RowShare" => LockMode::RowShare,
        "RowExclusive" => LockMode::RowExclusive,
        "ShareUpdateExclusive" => LockMode::ShareUpdateExclusive,
        "Share" => LockMode::Share,
        "ShareRowExclusive" => LockMode::ShareRowExclusive,
        "Exclusive" => LockMode::Exclusive,
        "AccessExclusive" => LockMode::AccessExclusive,
        _ => return None,
    })
}
