//! The people in the database: a few prepared statements over a pool.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::Pool;
use crate::{Options, Selection};

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct Person {
    id: i64,
    name: String,
}

/// All of them.
pub(crate) struct People {
    pool: Pool,
    column: String,
    /// What a query asks for.
    columns: String,
}

type Asked<T> = Result<T, sqlx::Error>;

/// The same for each kind of database, whose rows and results have types of their own.
macro_rules! with {
    ($pool:expr, $name:ident => $work:expr) => {
        match $pool {
            Pool::Postgres($name) => $work,
            Pool::MySql($name) => $work,
            Pool::Sqlite($name) => $work,
        }
    };
}

impl People {
    /// Asks nothing yet: whether the database answers is what `/health` tells.
    pub(crate) fn new(options: &Options) -> Self {
        let column = options.column.clone();
        let columns = match options.selection {
            Selection::Named => format!("id, {column}"),
            Selection::Star => "*".to_owned(),
        };
        Self { pool: Pool::new(&options.database), column, columns }
    }

    /// Fails when the database does not answer, or does not have what this version needs.
    pub(crate) async fn check(&self) -> Asked<()> {
        let sql = format!("SELECT {} FROM person LIMIT 1", self.columns);
        with!(&self.pool, pool => sqlx::query(AssertSqlSafe(sql)).fetch_optional(pool).await.map(|_| ()))
    }

    /// The last hundred, newest first.
    pub(crate) async fn list(&self) -> Asked<Vec<Person>> {
        let sql = format!("SELECT {} FROM person ORDER BY id DESC LIMIT 100", self.columns);
        let column = self.column.as_str();
        with!(&self.pool, pool => {
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?;
            rows.iter().map(|row| Ok(Person { id: row.try_get("id")?, name: row.try_get(column)? })).collect()
        })
    }

    pub(crate) async fn create(&self, name: String) -> Asked<Person> {
        let sql = format!("INSERT INTO person ({}) VALUES ({})", self.column, self.pool.mark(1));
        let id = match &self.pool {
            Pool::Postgres(pool) => {
                let sql = AssertSqlSafe(format!("{sql} RETURNING id"));
                sqlx::query(sql).bind(&name).fetch_one(pool).await?.try_get("id")?
            }
            Pool::MySql(pool) => {
                let done = sqlx::query(AssertSqlSafe(sql)).bind(&name).execute(pool).await?;
                done.last_insert_id().cast_signed()
            }
            Pool::Sqlite(pool) => {
                sqlx::query(AssertSqlSafe(sql)).bind(&name).execute(pool).await?.last_insert_rowid()
            }
        };
        Ok(Person { id, name })
    }

    pub(crate) async fn read(&self, id: i64) -> Asked<Option<Person>> {
        let sql = format!("SELECT {} FROM person WHERE id = {}", self.columns, self.pool.mark(1));
        let column = self.column.as_str();
        with!(&self.pool, pool => {
            let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(pool).await?;
            row.map(|row| Ok(Person { id: row.try_get("id")?, name: row.try_get(column)? })).transpose()
        })
    }

    pub(crate) async fn rename(&self, id: i64, name: String) -> Asked<Option<Person>> {
        let (first, second) = (self.pool.mark(1), self.pool.mark(2));
        let sql = format!("UPDATE person SET {} = {first} WHERE id = {second}", self.column);
        let changed = with!(&self.pool, pool => {
            sqlx::query(AssertSqlSafe(sql)).bind(&name).bind(id).execute(pool).await?.rows_affected()
        });
        Ok((changed > 0).then_some(Person { id, name }))
    }
}
