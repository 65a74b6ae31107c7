//! One connection to a database, whichever of the three it is. Statements go as plain text, and rows come as text: what is run is
//! what people wrote, and what we ask for ourselves is read the same way everywhere.

use std::str::FromStr as _;
use std::time::Duration;

use bascule_sql::Dialect;
use futures_util::TryStreamExt as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _,
};

use crate::address::Address;
use crate::error::{DatabaseError, Error};

/// The values of one row as text, in the order of the columns; none for NULL.
pub type Row = Vec<Option<String>>;

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL, by `server_version_num` (`150018`).
    Postgres(u32),
    /// MySQL: major, minor, patch.
    Mysql(u32, u32, u32),
    /// MariaDB: major, minor, patch.
    MariaDb(u32, u32, u32),
    /// SQLite: major, minor, patch.
    Sqlite(u32, u32, u32),
}

impl Server {
    /// Its kind of SQL.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Mysql(..) | Self::MariaDb(..) => Dialect::Mysql,
            Self::Sqlite(..) => Dialect::Sqlite,
        }
    }
}

enum Wire {
    Postgres(PgConnection),
    Mysql(Box<MySqlConnection>),
    Sqlite(SqliteConnection),
}

/// One connection.
pub struct Connection {
    wire: Wire,
    server: Server,
}

/// How long the way to a server may take.
const CONNECT: Duration = Duration::from_secs(10);

impl Connection {
    /// Opens one. `name` is what the server shows of it (`application_name`), where it does.
    ///
    /// # Errors
    /// [`Error::Address`] and [`Error::Connect`].
    pub async fn open(address: &Address, name: &str) -> Result<Self, Error> {
        let failed = |source| Error::connect(address.place(), source);
        let wire = match tokio::time::timeout(CONNECT, wire(address, name)).await {
            Ok(wire) => wire.map_err(|error| failed(of(&error, 0)))?,
            Err(_) => {
                let message = format!("no answer within {} s", CONNECT.as_secs());
                return Err(failed(DatabaseError {
                    code: None,
                    message,
                    detail: None,
                    hint: None,
                    position: None,
                    completed: 0,
                }));
            }
        };
        let mut connection = Self { wire, server: Server::Sqlite(0, 0, 0) };
        connection.server = connection.ask_version().await.map_err(failed)?;
        Ok(connection)
    }

    /// What answers.
    #[must_use]
    pub fn server(&self) -> Server {
        self.server
    }

    /// Its kind of SQL.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.server.dialect()
    }

    /// Runs one or more statements in one round trip; gives how many rows they changed. With PostgreSQL and without a `BEGIN` in it,
    /// a text of several statements is one transaction.
    ///
    /// # Errors
    /// The first that failed; those before it are counted in [`DatabaseError::completed`], those after it were not begun.
    pub async fn run(&mut self, sql: &str) -> Result<u64, DatabaseError> {
        let (mut completed, mut changed) = (0, 0);
        macro_rules! run {
            ($connection:expr) => {{
                let mut results = $connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())));
                loop {
                    match results.try_next().await {
                        Ok(Some(Either::Left(result))) => {
                            completed += 1;
                            changed += result.rows_affected();
                        }
                        Ok(Some(Either::Right(_))) => {}
                        Ok(None) => return Ok(changed),
                        Err(error) => return Err(of(&error, completed)),
                    }
                }
            }};
        }
        match &mut self.wire {
            Wire::Postgres(connection) => run!(connection),
            Wire::Mysql(connection) => run!(connection),
            Wire::Sqlite(connection) => run!(connection),
        }
    }

    /// The rows of a query, as text.
    ///
    /// # Errors
    /// What the server says.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, DatabaseError> {
        macro_rules! rows {
            ($connection:expr, $text:expr) => {{
                let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                let mut rows = query.fetch($connection);
                let mut texts = Vec::new();
                // One at a time, as they come: the driver's rows are larger than their texts.
                while let Some(row) = rows.try_next().await.map_err(|error| of(&error, 0))? {
                    let row: Result<Row, _> = (0..row.columns().len()).map(|at| $text(&row, at)).collect();
                    texts.push(row?);
                }
                Ok(texts)
            }};
        }
        match &mut self.wire {
            Wire::Postgres(connection) => rows!(connection, |row: &sqlx::postgres::PgRow, at| row
                .try_get_unchecked::<Option<String>, _>(at)
                .map_err(|error| of(&error, 0))),
            Wire::Mysql(connection) => rows!(&mut **connection, |row: &sqlx::mysql::MySqlRow, at| row
                .try_get_unchecked::<Option<Vec<u8>>, _>(at)
                .map(|bytes| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
                .map_err(|error| of(&error, 0))),
            Wire::Sqlite(connection) => rows!(connection, |row: &sqlx::sqlite::SqliteRow, at| row
                .try_get_unchecked::<Option<String>, _>(at)
                .map_err(|error| of(&error, 0))),
        }
    }

    /// The first value of the first row.
    ///
    /// # Errors
    /// What the server says.
    pub async fn value(&mut self, sql: &str) -> Result<Option<String>, DatabaseError> {
        Ok(self.rows(sql).await?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// The names of the columns of a query.
    ///
    /// # Errors
    /// What the server says.
    pub async fn columns(&mut self, sql: &str) -> Result<Vec<String>, DatabaseError> {
        macro_rules! columns {
            ($connection:expr) => {{
                let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                let row = query.fetch_optional($connection).await.map_err(|error| of(&error, 0))?;
                Ok(row.map_or_else(Vec::new, |row| {
                    row.columns().iter().map(|column| column.name().to_owned()).collect()
                }))
            }};
        }
        match &mut self.wire {
            Wire::Postgres(connection) => columns!(connection),
            Wire::Mysql(connection) => columns!(&mut **connection),
            Wire::Sqlite(connection) => columns!(connection),
        }
    }

    /// Has the server look at a statement without running it: whether it parses and fits the schema. PostgreSQL and MySQL also
    /// forget it at once.
    ///
    /// # Errors
    /// What the server says.
    pub async fn prepare(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let sql = sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql.to_owned()));
        // The driver would keep it, and not ask the server the next time.
        macro_rules! prepare {
            ($connection:expr) => {{
                let outcome = $connection.prepare(sql).await.map(drop);
                let forgotten = $connection.clear_cached_statements().await;
                outcome.and(forgotten)
            }};
        }
        let outcome = match &mut self.wire {
            Wire::Postgres(connection) => prepare!(connection),
            Wire::Mysql(connection) => prepare!(connection),
            Wire::Sqlite(connection) => prepare!(connection),
        };
        outcome.map_err(|error| of(&error, 0))
    }

    /// Ends it in good order. A connection that is dropped is closed too, without a word to the server.
    pub async fn close(self) {
        // The other side may be gone: there is nothing left to do about it.
        let _ = match self.wire {
            Wire::Postgres(connection) => connection.close().await,
            Wire::Mysql(connection) => connection.close().await,
            Wire::Sqlite(connection) => connection.close().await,
        };
    }

    /// A text as a literal of this server's SQL.
    #[must_use]
    pub fn literal(&self, text: &str) -> String {
        literal(self.dialect(), text)
    }

    async fn ask_version(&mut self) -> Result<Server, DatabaseError> {
        let mysql = matches!(self.wire, Wire::Mysql(_));
        if let Wire::Postgres(connection) = &self.wire {
            // It is among what the server says at the beginning: no question is needed.
            if let Some(number) = connection.server_version_num() {
                return Ok(Server::Postgres(number));
            }
            let number = self.value("SELECT current_setting('server_version_num')").await?;
            return Ok(Server::Postgres(number.and_then(|number| number.parse().ok()).unwrap_or(0)));
        }
        let sql = if mysql { "SELECT version()" } else { "SELECT sqlite_version()" };
        let version = self.value(sql).await?.unwrap_or_default();
        let mut numbers = version.split(|at: char| !at.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let (major, minor, patch) = (next(), next(), next());
        Ok(match (mysql, version.to_ascii_lowercase().contains("mariadb")) {
            (true, true) => Server::MariaDb(major, minor, patch),
            (true, false) => Server::Mysql(major, minor, patch),
            _ => Server::Sqlite(major, minor, patch),
        })
    }
}

/// A text as a literal, whatever is in it.
#[must_use]
pub fn literal(dialect: Dialect, text: &str) -> String {
    match dialect {
        // Whether a backslash means something is a setting of the session: bytes leave no doubt.
        Dialect::Mysql => {
            use std::fmt::Write as _;
            let mut hex = String::with_capacity(2 * text.len() + 30);
            for byte in text.bytes() {
                let _ = write!(hex, "{byte:02x}");
            }
            format!("CONVERT(x'{hex}' USING utf8mb4)")
        }
        // With an E in front, a backslash means the same whatever the session says.
        Dialect::Postgres if text.contains('\\') => {
            format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
        }
        Dialect::Postgres | Dialect::Sqlite => format!("'{}'", text.replace('\'', "''")),
    }
}

/// A name as an identifier, whatever is in it.
#[must_use]
pub fn identifier(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

async fn wire(address: &Address, name: &str) -> Result<Wire, sqlx::Error> {
    let text = address.reveal();
    match address.dialect() {
        Dialect::Postgres => {
            let options =
                PgConnectOptions::from_str(text)?.application_name(name).disable_statement_logging();
            Ok(Wire::Postgres(options.connect().await?))
        }
        Dialect::Mysql => {
            let text =
                text.split_once("://").map_or_else(|| text.to_owned(), |(_, rest)| format!("mysql://{rest}"));
            // What the session is set to is the server's own: migrations are written for it.
            let options = MySqlConnectOptions::from_str(&text)?
                .pipes_as_concat(false)
                .no_engine_substitution(false)
                .timezone(None)
                .disable_statement_logging();
            Ok(Wire::Mysql(Box::new(options.connect().await?)))
        }
        Dialect::Sqlite => {
            let options = SqliteConnectOptions::new()
                .filename(address.file().unwrap_or_default())
                .create_if_missing(
                    !text.contains("mode=ro") && !text.contains("mode=rw&") && !text.ends_with("mode=rw"),
                )
                .read_only(text.contains("mode=ro"))
                .busy_timeout(Duration::from_secs(5))
                .disable_statement_logging();
            Ok(Wire::Sqlite(options.connect().await?))
        }
    }
}

fn of(error: &sqlx::Error, completed: usize) -> DatabaseError {
    let Some(database) = error.as_database_error() else {
        return DatabaseError {
            code: None,
            message: error.to_string(),
            detail: None,
            hint: None,
            position: None,
            completed,
        };
    };
    let postgres = database.try_downcast_ref::<PgDatabaseError>();
    let number = database
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(|mysql| mysql.number().to_string());
    DatabaseError {
        code: number.or_else(|| database.code().map(std::borrow::Cow::into_owned)),
        message: database.message().to_owned(),
        detail: postgres.and_then(PgDatabaseError::detail).map(str::to_owned),
        hint: postgres.and_then(PgDatabaseError::hint).map(str::to_owned),
        position: postgres.and_then(PgDatabaseError::position).and_then(|position| match position {
            PgErrorPosition::Original(position) => Some(position),
            PgErrorPosition::Internal { .. } => None,
        }),
        completed,
    }
}
