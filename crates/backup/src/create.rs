//! Taking a backup.

use std::process::Stdio;
use std::time::Instant;

use bascule_migrate::aside::form_of_postgres;
use bascule_migrate::schema::{Filter, snapshot};
use bascule_migrate::tools::{Content, ToolError};
use bascule_migrate::{Address, Connection, Server, literal};
use bascule_sql::Dialect;
use jiff::Timestamp;

use crate::backup::Backups;
use crate::content::{Growing, passing};
use crate::count::{Counts, count};
use crate::error::{BackupError, file, query};
use crate::manifest::{Counted, Id, Manifest, Table};

/// What the server shows of our connections.
pub(crate) const APPLICATION: &str = "bascule backup";

/// What is found out of a database while it is copied.
struct Found {
    database: String,
    form: String,
    schema: String,
    tables: Vec<Table>,
    /// Behind so many bytes come things that run by themselves.
    runs_from: Option<u64>,
}

impl Backups {
    /// Takes one of a database, under a name of lower-case letters, digits, `-` and `_`. Nothing of it is left when it fails.
    ///
    /// With PostgreSQL and SQLite all of it is of one moment. MySQL cannot show two programs the same moment: tables that are written
    /// to meanwhile are in the backup as of one moment, but their rows are not counted.
    ///
    /// # Errors
    /// What the server, its programs, the disk or the place say.
    pub async fn create(
        &self,
        database: &Address,
        name: &str,
        now: Timestamp,
    ) -> Result<Manifest, BackupError> {
        let begin = Instant::now();
        let mut random = [0; 2];
        getrandom::fill(&mut random)
            .map_err(|error| file("asking for random digits")(std::io::Error::other(error.to_string())))?;
        let id = Id::new(name, now, random)?;
        self.place.tidy(self.tools.scratch()).await?;
        let path = self.place.workspace(self.tools.scratch()).join(format!("{id}.part"));
        let mut growing = Growing::begin(path, &self.key, id.as_str())?;
        let mut connection = Connection::open(database, APPLICATION).await?;
        let found = match connection.dialect() {
            Dialect::Postgres => self.postgres(database, &mut connection, &mut growing).await?,
            Dialect::Mysql => self.mysql(database, &mut connection, &mut growing).await?,
            Dialect::Sqlite => self.sqlite(&mut connection, &mut growing, &id).await?,
        };
        let server = server(&mut connection).await?;
        let dialect = connection.dialect();
        connection.close().await;
        let sums = growing.finish()?;
        let manifest = Manifest {
            form: Manifest::FORM,
            id,
            taken_at: now,
            took_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            dialect,
            server,
            database: found.database,
            database_form: found.form,
            bytes: sums.bytes,
            sha256: sums.sha256,
            plain_bytes: sums.plain_bytes,
            plain_sha256: sums.plain_sha256,
            runs_from: found.runs_from,
            schema: found.schema,
            tables: found.tables,
            verified: None,
        };
        let text = manifest.sign(&self.key)?;
        self.place.put(&manifest, growing, &text).await?;
        Ok(manifest)
    }

    async fn postgres(
        &self,
        database: &Address,
        connection: &mut Connection,
        growing: &mut Growing,
    ) -> Result<Found, BackupError> {
        let beginning = "beginning a transaction that only reads";
        connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(query(beginning))?;
        let seen = connection.value("SELECT pg_export_snapshot()").await.map_err(query(beginning))?;
        let name = connection.value("SELECT current_database()").await.map_err(query(beginning))?;
        let form = form_of_postgres(connection).await.map_err(query(beginning))?;
        let content = Content::Seen(seen.unwrap_or_default());
        let program = self.tools.dump(database, connection.server(), &content).await?;
        let schema = schema(connection).await?;
        let (sealed, counts) = tokio::join!(seal(program, growing), count(connection));
        sealed?;
        let tables = exactly(counts.map_err(query("counting the rows"))?);
        connection.run("COMMIT").await.map_err(query("ending the transaction"))?;
        Ok(Found { database: name.unwrap_or_default(), form, schema, tables, runs_from: None })
    }

    async fn mysql(
        &self,
        database: &Address,
        connection: &mut Connection,
        growing: &mut Growing,
    ) -> Result<Found, BackupError> {
        let counting = "counting the rows";
        let asking = "reading what the database is";
        let name = connection.value("SELECT DATABASE()").await.map_err(query(asking))?.unwrap_or_default();
        let form = "SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name) \
            FROM information_schema.schemata WHERE schema_name = DATABASE()";
        let form = connection.value(form).await.map_err(query(asking))?.unwrap_or_default();
        let before = count(connection).await.map_err(query(counting))?;
        seal(self.tools.dump(database, connection.server(), &Content::Rows).await?, growing).await?;
        let after = count(connection).await.map_err(query(counting))?;
        // Last, so that it can be left out where they must not run.
        let runs_from = growing.plain_bytes();
        seal(self.tools.dump(database, connection.server(), &Content::Events).await?, growing).await?;
        let schema = schema(connection).await?;
        Ok(Found {
            database: name,
            form,
            schema,
            tables: between(before, &after),
            runs_from: Some(runs_from),
        })
    }

    async fn sqlite(
        &self,
        connection: &mut Connection,
        growing: &mut Growing,
        id: &Id,
    ) -> Result<Found, BackupError> {
        let copying = "copying the database";
        let copy = passing(self.tools.scratch(), id.as_str())?;
        let into = literal(Dialect::Sqlite, &copy.path().to_string_lossy());
        connection.run(&format!("VACUUM INTO {into}")).await.map_err(query(copying))?;
        let address = Address::parse(&format!("sqlite:{}", copy.path().display()))?;
        let mut beside = Connection::open(&address, APPLICATION).await?;
        let tables = exactly(count(&mut beside).await.map_err(query("counting the rows"))?);
        let schema = schema(&mut beside).await?;
        let name = connection.value("SELECT file FROM pragma_database_list WHERE name = 'main'").await;
        let name = name.map_err(query(copying))?.unwrap_or_default();
        beside.close().await;
        let mut from = tokio::fs::File::open(copy.path()).await.map_err(file(copying))?;
        growing.take(&mut from).await?;
        Ok(Found { database: name, form: String::new(), schema, tables, runs_from: None })
    }
}

/// Seals all that a program writes.
async fn seal(program: bascule_migrate::tools::Program, growing: &mut Growing) -> Result<(), BackupError> {
    let name = program.name.clone();
    let mut running = program.start(Stdio::null(), Stdio::piped())?;
    let output = running.child.stdout.take();
    let mut output = output
        .ok_or_else(|| ToolError::Start { program: name, source: std::io::ErrorKind::BrokenPipe.into() })?;
    growing.take(&mut output).await?;
    Ok(running.finish().await?)
}

/// The hash of the schema, without what runs by itself.
pub(crate) async fn schema(connection: &mut Connection) -> Result<String, BackupError> {
    let schema = snapshot(connection, &Filter::ours()).await.map_err(query("reading the schema"))?;
    Ok(schema.without("event").hash())
}

async fn server(connection: &mut Connection) -> Result<String, BackupError> {
    let sql = match connection.server() {
        Server::Postgres(_) => "SELECT current_setting('server_version')",
        Server::Mysql(..) | Server::MariaDb(..) => "SELECT version()",
        Server::Sqlite(..) => "SELECT sqlite_version()",
    };
    let version = connection.value(sql).await.map_err(query("reading the server's version"))?;
    Ok(version.unwrap_or_default())
}

fn exactly(counts: Counts) -> Vec<Table> {
    let table = |(name, (count, sum))| Table { name, rows: Counted::Exactly { count, sum } };
    counts.into_iter().map(table).collect()
}

/// What two counts say of a moment between them.
fn between(before: Counts, after: &Counts) -> Vec<Table> {
    let table = |(name, was): (String, (u64, Option<String>))| {
        let rows = match after.get(&name) {
            Some(is) if *is == was => Counted::Exactly { count: was.0, sum: was.1 },
            is => Counted::Moving { before: was.0, after: is.map_or(0, |is| is.0) },
        };
        Table { name, rows }
    };
    before.into_iter().map(table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stood_still_is_counted() {
        let counts = |list: &[(&str, u64, &str)]| -> Counts {
            list.iter()
                .map(|(name, count, sum)| ((*name).to_owned(), (*count, Some((*sum).to_owned()))))
                .collect()
        };
        let before = counts(&[("a", 1, "5"), ("b", 1, "5"), ("c", 1, "5")]);
        let after = counts(&[("a", 1, "5"), ("b", 1, "6")]);
        let rows: Vec<Counted> = between(before, &after).into_iter().map(|table| table.rows).collect();
        assert_eq!(
            rows,
            [
                Counted::Exactly { count: 1, sum: Some("5".to_owned()) },
                Counted::Moving { before: 1, after: 1 },
                Counted::Moving { before: 1, after: 0 },
            ]
        );
    }
}
