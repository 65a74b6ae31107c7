//! Putting a backup in the place of a database. It is read into a new one first, and only what was compared takes the place.

use bascule_migrate::tools::{Owners, database_name};
use bascule_migrate::{Address, Connection, identifier, literal};
use bascule_sql::Dialect;
use jiff::Timestamp;

use crate::backup::Backups;
use crate::create::APPLICATION;
use crate::error::{BackupError, query};
use crate::manifest::{Id, Manifest};
use crate::scratch::{Extent, compare};

mod file;
mod swap;

/// What is done with a database that has tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is restored.
    Refuse,
    /// The backup takes its place.
    Replace,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub id: Id,
    /// Where the former database is now; none where there was none, or where it is gone (MySQL).
    pub former: Option<String>,
}

impl Backups {
    /// Restores one as the database of that address, which may not be there yet.
    ///
    /// The former database stays under another name with PostgreSQL and SQLite. MySQL cannot rename one: its tables are dropped, after
    /// the backup was read elsewhere and found good.
    ///
    /// # Errors
    /// [`BackupError::Occupied`] when there are tables and nobody said that they may go; [`BackupError::Differs`] when the backup is
    /// not what was taken; what the server or the place say.
    pub async fn restore(
        &self,
        id: &Id,
        database: &Address,
        existing: Existing,
        now: Timestamp,
    ) -> Result<Restored, BackupError> {
        let manifest = self.manifest(id).await?;
        if database.dialect() != manifest.dialect {
            let (backup, kind) = (manifest.dialect.to_string(), database.dialect().to_string());
            return Err(BackupError::Kind { backup, database: kind });
        }
        let former = match manifest.dialect {
            Dialect::Sqlite => self.restore_file(&manifest, database, existing, now).await?,
            Dialect::Postgres => self.restore_postgres(&manifest, database, existing, now).await?,
            Dialect::Mysql => self.restore_mysql(&manifest, database, existing).await?,
        };
        Ok(Restored { id: manifest.id, former })
    }

    async fn restore_postgres(
        &self,
        manifest: &Manifest,
        database: &Address,
        existing: Existing,
        now: Timestamp,
    ) -> Result<Option<String>, BackupError> {
        let name = database_name(database);
        let mut aside = self.read_nothing_yet(manifest, database).await?;
        let there =
            format!("SELECT count(*) FROM pg_database WHERE datname = {}", literal(Dialect::Postgres, &name));
        let there = aside.maintenance().value(&there).await.map_err(query("looking for the database"))?;
        let there = there.as_deref() != Some("0");
        let table = if there { occupied(database).await? } else { None };
        let checked = match (&table, existing) {
            (Some(table), Existing::Refuse) => {
                Err(BackupError::Occupied { database: name.clone(), table: table.clone() })
            }
            _ => self.fill_and_compare(manifest, aside.address(), Owners::Kept).await,
        };
        if let Err(error) = checked {
            let _ = aside.remove().await;
            return Err(error);
        }
        let former = swap::swap(&mut aside, &name, there, table.is_some(), now).await?;
        aside.leave().await;
        Ok(former)
    }

    async fn restore_mysql(
        &self,
        manifest: &Manifest,
        database: &Address,
        existing: Existing,
    ) -> Result<Option<String>, BackupError> {
        let name = database_name(database);
        let mut aside = self.read_nothing_yet(manifest, database).await?;
        let there = format!(
            "SELECT count(*) FROM information_schema.schemata WHERE schema_name = {}",
            literal(Dialect::Mysql, &name)
        );
        let there = aside.maintenance().value(&there).await.map_err(query("looking for the database"))?;
        let table = if there.as_deref() == Some("0") { None } else { occupied(database).await? };
        let checked = match (table, existing) {
            (Some(table), Existing::Refuse) => Err(BackupError::Occupied { database: name.clone(), table }),
            _ => self.fill_and_compare(manifest, aside.address(), Owners::Kept).await,
        };
        if checked.is_ok() {
            let quoted = identifier(Dialect::Mysql, &name);
            let form = &manifest.database_form;
            let sql = format!("DROP DATABASE IF EXISTS {quoted}; CREATE DATABASE {quoted} {form}");
            aside.maintenance().run(&sql).await.map_err(query("making room for the backup"))?;
            // If this fails, what was read aside is still there, and its name is in the message.
            let loaded = self.load(manifest, database, Owners::Kept, Extent::Whole).await;
            if let Err(source) = loaded {
                let restored = aside.quoted();
                aside.leave().await;
                return Err(BackupError::HalfWay { database: name, restored, source: Box::new(source) });
            }
        }
        aside.remove().await.map_err(query("dropping the database that the backup was read into"))?;
        checked.map(|()| None)
    }

    /// A name for a new database, made and empty.
    async fn read_nothing_yet(
        &self,
        manifest: &Manifest,
        server: &Address,
    ) -> Result<bascule_migrate::aside::Aside, BackupError> {
        use bascule_migrate::aside::{Aside, Purpose};
        let mut aside = Aside::name(Purpose::Restore, server, &manifest.database).await?;
        aside.create(&manifest.database_form).await?;
        Ok(aside)
    }

    async fn fill_and_compare(
        &self,
        manifest: &Manifest,
        address: &Address,
        owners: Owners,
    ) -> Result<(), BackupError> {
        self.load(manifest, address, owners, Extent::Still).await?;
        compare(manifest, address).await
    }
}

/// One table that is there.
async fn occupied(database: &Address) -> Result<Option<String>, BackupError> {
    let mut connection = Connection::open(database, APPLICATION).await?;
    let tables = match connection.dialect() {
        Dialect::Postgres => {
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 1"
        }
        Dialect::Mysql => {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1 LIMIT 1"
        }
        Dialect::Sqlite => "SELECT name FROM sqlite_schema ORDER BY 1 LIMIT 1",
    };
    let table = connection.value(tables).await.map_err(query("looking for tables"))?;
    connection.close().await;
    Ok(table)
}
