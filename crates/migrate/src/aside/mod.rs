//! Databases that we make beside the one that we work for, and drop again.
//!
//! A name proves whose it is, and a lock says that whoever made it is alive: one whose lock is free was left by somebody who was
//! killed, and whoever makes the next one drops it. Nothing else is ever dropped.

mod mysql;
mod name;
mod postgres;

pub use name::{Name, Purpose};
pub use postgres::form as form_of_postgres;

use bascule_sql::Dialect;

use crate::address::Address;
use crate::connection::{Connection, identifier};
use crate::error::{DatabaseError, Error};

/// A database that we made, or are about to.
pub struct Aside {
    /// In a database in which nothing is done; holds the lock.
    maintenance: Connection,
    name: Name,
    address: Address,
    cleaned: Vec<String>,
}

/// Why none could be made.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// The server, or the way to it.
    #[error(transparent)]
    Database(#[from] Error),
    /// Who asks may not.
    #[error("{user} may not make a database. {remedy}")]
    MayNotCreate {
        /// Who.
        user: String,
        /// What lets him.
        remedy: String,
        /// What the server said.
        #[source]
        source: DatabaseError,
    },
    /// No name could be made up.
    #[error("a name for a database could not be made up")]
    Name(#[source] std::io::Error),
}

fn query(doing: &'static str) -> impl FnOnce(DatabaseError) -> AsideError {
    move |source| AsideError::Database(Error::Query { doing, source })
}

impl Aside {
    /// Takes a name on the server of that address, for the database called `database`, and drops what others have left. SQLite has no
    /// such thing.
    ///
    /// # Errors
    /// When the server cannot be reached or asked.
    pub async fn name(purpose: Purpose, server: &Address, database: &str) -> Result<Self, AsideError> {
        let mut maintenance = open(server).await?;
        let doing = "dropping left databases";
        let cleaned = clean(&mut maintenance, purpose, database).await.map_err(query(doing))?;
        let name = Name::fresh(purpose, database).map_err(AsideError::Name)?;
        if !lock(&mut maintenance, &name).await.map_err(query("locking a name"))? {
            return Err(AsideError::Name(std::io::ErrorKind::AlreadyExists.into()));
        }
        let address = server.with_database(name.as_str());
        Ok(Self { maintenance, name, address, cleaned })
    }

    /// Makes it, empty. `form` is what the server's `CREATE DATABASE` takes after the name.
    ///
    /// # Errors
    /// When that is not allowed, or fails.
    pub async fn create(&mut self, form: &str) -> Result<(), AsideError> {
        let name = self.quoted();
        let made = self.maintenance.run(&format!("CREATE DATABASE {name} {form}")).await;
        let Err(source) = made else { return Ok(()) };
        let remedy = match self.maintenance.dialect() {
            Dialect::Mysql => mysql::remedy(&source),
            _ => postgres::remedy(&source),
        };
        let Some((who, remedy)) = remedy else { return Err(query("making a database")(source)) };
        let user = self.maintenance.value(who).await.ok().flatten().unwrap_or_default();
        let remedy = remedy.replace("USER", &postgres_or_mysql(self.maintenance.dialect(), &user));
        Err(AsideError::MayNotCreate { user, remedy, source })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What others had left, and is gone.
    #[must_use]
    pub fn cleaned(&self) -> &[String] {
        &self.cleaned
    }

    /// In a database of the same server in which nothing is done.
    pub fn maintenance(&mut self) -> &mut Connection {
        &mut self.maintenance
    }

    /// Its name as an identifier.
    #[must_use]
    pub fn quoted(&self) -> String {
        identifier(self.maintenance.dialect(), self.name.as_str())
    }

    /// Drops it.
    ///
    /// # Errors
    /// What the server says.
    pub async fn remove(mut self) -> Result<(), DatabaseError> {
        drop_database(&mut self.maintenance, &self.name).await?;
        self.maintenance.close().await;
        Ok(())
    }

    /// Leaves it: it has another name now.
    pub async fn leave(self) {
        self.maintenance.close().await;
    }
}

fn postgres_or_mysql(dialect: Dialect, user: &str) -> String {
    if dialect == Dialect::Postgres {
        return identifier(dialect, user);
    }
    let (user, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    format!("'{user}'@'{host}'")
}

async fn open(server: &Address) -> Result<Connection, Error> {
    let names: &[&str] = match server.dialect() {
        Dialect::Mysql => &["information_schema"],
        _ => &["postgres", "template1"],
    };
    let mut outcome = Connection::open(&server.with_database(names[0]), "bascule").await;
    for name in &names[1..] {
        if outcome.is_err() {
            outcome = Connection::open(&server.with_database(name), "bascule").await;
        }
    }
    outcome
}

async fn lock(maintenance: &mut Connection, name: &Name) -> Result<bool, DatabaseError> {
    let sql = match maintenance.dialect() {
        Dialect::Mysql => format!("SELECT GET_LOCK('{}', 0)", name.as_str()),
        _ => format!("SELECT pg_try_advisory_lock({})::int", name.key()),
    };
    Ok(maintenance.value(&sql).await?.as_deref() == Some("1"))
}

async fn unlock(maintenance: &mut Connection, name: &Name) -> Result<(), DatabaseError> {
    let sql = match maintenance.dialect() {
        Dialect::Mysql => format!("SELECT RELEASE_LOCK('{}')", name.as_str()),
        _ => format!("SELECT pg_advisory_unlock({})", name.key()),
    };
    maintenance.run(&sql).await.map(drop)
}

async fn clean(
    maintenance: &mut Connection,
    purpose: Purpose,
    database: &str,
) -> Result<Vec<String>, DatabaseError> {
    let there = match maintenance.dialect() {
        Dialect::Mysql => mysql::there(purpose),
        _ => postgres::there(purpose),
    };
    let mut cleaned = Vec::new();
    for row in maintenance.rows(&there).await? {
        let name = row.into_iter().next().flatten();
        let Some(name) = name.and_then(|name| Name::of(purpose, database, &name)) else { continue };
        if !lock(maintenance, &name).await? {
            continue;
        }
        // Another's role may have made it: then it is for that one to drop.
        if drop_database(maintenance, &name).await.is_ok() {
            cleaned.push(name.as_str().to_owned());
        }
        unlock(maintenance, &name).await?;
    }
    Ok(cleaned)
}

async fn drop_database(maintenance: &mut Connection, name: &Name) -> Result<(), DatabaseError> {
    let dialect = maintenance.dialect();
    let force = if dialect == Dialect::Postgres { " WITH (FORCE)" } else { "" };
    let name = identifier(dialect, name.as_str());
    maintenance.run(&format!("DROP DATABASE IF EXISTS {name}{force}")).await.map(drop)
}
