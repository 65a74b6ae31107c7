//! Opening the journal in a database, and making it there.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres};

use super::failure::{explain, unavailable};
use super::{Look, PostgresJournal, address, schema, transaction};
use crate::error::JournalError;

/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How many calls can read at the same time.
const READERS: u32 = 3;
/// The oldest server that is taken: 13, the first whose transactions can be asked for by a number that is never used again.
const OLDEST: u32 = 130_000;

pub(super) async fn open(address: &str) -> Result<PostgresJournal, JournalError> {
    let (options, place) = address::read(address)?;
    let pool = |connections| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            // A server that was started again is found before a transaction begins on what is left of a connection.
            .test_before_acquire(true)
            .connect_lazy_with(options.clone())
    };
    let (writer, readers) = (pool(1), pool(READERS));
    let id = try_open(&writer, &place).await?;
    Ok(PostgresJournal { place, id, writer, readers })
}

/// Looks what is there, and changes nothing.
pub(super) async fn look(address: &str) -> Result<Look, JournalError> {
    let (options, place) = address::read(address)?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE).connect_lazy_with(options);
    let mut connection = connect(&pool, &place).await?;
    let found = transaction::in_time(schema::found(&mut connection)).await;
    let found = found.map_err(|failure| explain(failure, &place))?;
    drop(connection);
    pool.close().await;
    Ok(Look { place, is_there: matches!(found, schema::Found::Journal(_)) })
}

async fn connect(pool: &PgPool, place: &str) -> Result<PoolConnection<Postgres>, JournalError> {
    let connection = pool.acquire().await.map_err(|error| explain(error.into(), place))?;
    match connection.server_version_num().filter(|version| *version < OLDEST) {
        Some(version) => Err(unavailable(
            place,
            &format!("it is PostgreSQL {}", version / 10_000),
            "use PostgreSQL 13 or newer",
        )),
        None => Ok(connection),
    }
}

/// Makes or completes the tables where it is needed; answers the journal's name.
async fn try_open(writer: &PgPool, place: &str) -> Result<String, JournalError> {
    let mut connection = connect(writer, place).await?;
    let opened = async {
        let found = schema::found(&mut connection).await?;
        if schema::is_current(&found) {
            return schema::id(&mut connection).await;
        }
        let mut tx = transaction::begin(&mut connection, transaction::WRITE).await?;
        schema::lock(&mut tx).await?;
        // Another control plane may have been faster.
        let found = schema::found(&mut tx).await?;
        schema::migrate(&mut tx, &found).await?;
        let id = schema::id(&mut tx).await?;
        tx.commit().await?;
        Ok(id)
    };
    transaction::in_time(opened).await.map_err(|failure| explain(failure, place))
}
