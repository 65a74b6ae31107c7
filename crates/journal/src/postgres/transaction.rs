//! One transaction: begun, numbered, and looked up when the answer to its COMMIT got lost.
//!
//! All writers of a journal go one after the other, in whichever process they are: each holds the one row of
//! `bascule_journal.journal` from its first statement to its end. Whoever stops in between is thrown out by the server.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, Transaction};
use tokio::time::{sleep, timeout};

use crate::failure::Failure;

/// Begins a transaction that writes. What is committed is on disk, whatever the server is set to; nobody waits for ever, and
/// nobody is waited for who has gone away.
pub(super) const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = '20s';
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// Begins a transaction that reads: all of it sees one moment.
pub(super) const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How often a transaction is begun anew when its connection is lost before its COMMIT.
pub(super) const ATTEMPTS: u32 = 3;
/// How long a transaction's statements, or its COMMIT, may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long, and how often, it is asked what became of a transaction.
const LOOK_UP: Duration = Duration::from_secs(10);
const LOOK_UP_PAUSE: Duration = Duration::from_millis(200);

/// Runs a block of queries in one transaction, which is committed when it went well. The block runs again when the connection was
/// lost before the COMMIT: until then nothing has happened.
macro_rules! within {
    ($journal:ident.write, |$tx:ident| $body:expr) => {{
        let mut attempt = 1;
        loop {
            let mut connection = $journal.connection(&$journal.writer).await?;
            let tried: Result<_, $crate::failure::Failure> = async {
                let mut tx = $crate::postgres::transaction::begin(
                    &mut connection,
                    $crate::postgres::transaction::WRITE,
                )
                .await?;
                let (number, value) = $crate::postgres::transaction::in_time(async {
                    let number = $crate::postgres::transaction::take_the_pen(&mut tx).await?;
                    let value: Result<_, $crate::failure::Failure> = {
                        let $tx = &mut *tx;
                        async { $body }.await
                    };
                    // An error drops the transaction, which rolls it back.
                    Ok((number, value?))
                })
                .await?;
                Ok((number, value, $crate::postgres::transaction::commit(tx).await))
            }
            .await;
            match tried {
                Ok((_, value, Ok(()))) => break Ok(value),
                Ok((number, value, Err(error))) => {
                    $crate::postgres::transaction::forget(connection);
                    match $journal.fate(&number, &error).await {
                        $crate::postgres::transaction::Fate::Committed => break Ok(value),
                        $crate::postgres::transaction::Fate::RolledBack
                            if attempt < $crate::postgres::transaction::ATTEMPTS => {}
                        _ => break Err($journal.explain(error.into())),
                    }
                }
                Err(failure) => {
                    let repeat = $journal.may_go_on(&failure, connection);
                    if !repeat || attempt == $crate::postgres::transaction::ATTEMPTS {
                        break Err($journal.explain(failure));
                    }
                }
            }
            attempt += 1;
        }
    }};
    ($journal:ident.read, |$tx:ident| $body:expr) => {{
        let mut attempt = 1;
        loop {
            let mut connection = $journal.connection(&$journal.readers).await?;
            let tried: Result<_, $crate::failure::Failure> = $crate::postgres::transaction::in_time(async {
                let mut tx = $crate::postgres::transaction::begin(
                    &mut connection,
                    $crate::postgres::transaction::READ,
                )
                .await?;
                let value: Result<_, $crate::failure::Failure> = {
                    let $tx = &mut *tx;
                    async { $body }.await
                };
                let value = value?;
                tx.commit().await?;
                Ok(value)
            })
            .await;
            match tried {
                Ok(value) => break Ok(value),
                Err(failure) => {
                    let repeat = $journal.may_go_on(&failure, connection);
                    if !repeat || attempt == $crate::postgres::transaction::ATTEMPTS {
                        break Err($journal.explain(failure));
                    }
                }
            }
            attempt += 1;
        }
    }};
}
pub(super) use within;

pub(super) async fn begin<'c>(
    connection: &'c mut PgConnection,
    statement: &'static str,
) -> Result<Transaction<'c, Postgres>, Failure> {
    timeout(PATIENCE, connection.begin_with(statement))
        .await
        .unwrap_or_else(|_| Err(no_answer()))
        .map_err(Failure::Sql)
}

/// Waits until nobody else writes. Answers the transaction's number, which the server never gives again.
pub(super) async fn take_the_pen(connection: &mut PgConnection) -> Result<String, Failure> {
    let number: Option<String> =
        sqlx::query_scalar("SELECT pg_current_xact_id()::text FROM bascule_journal.journal FOR UPDATE")
            .fetch_optional(connection)
            .await?;
    number.ok_or_else(|| crate::failure::corrupt("it does not say which journal it is"))
}

/// Ends the wait for a server that has gone silent.
pub(super) async fn in_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(Failure::Sql(no_answer())))
}

/// Commits. Nobody knows what became of it when this is an error that is not [`super::failure::is_refused`].
pub(super) async fn commit(tx: Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    timeout(PATIENCE, tx.commit()).await.unwrap_or_else(|_| Err(no_answer()))
}

fn no_answer() -> sqlx::Error {
    let what = format!("no answer within {} s", PATIENCE.as_secs());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, what))
}

/// A connection of which nobody knows what it is in the middle of is not used again.
pub(super) fn forget(connection: PoolConnection<Postgres>) {
    drop(connection.detach());
}

/// What became of a transaction.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    /// All of it is written.
    Committed,
    /// Nothing of it is.
    RolledBack,
    /// The server could not be asked.
    Unknown,
}

/// Asks the server, which may have to come back first.
pub(super) async fn fate(pool: &PgPool, number: &str) -> Fate {
    let ask = async {
        loop {
            if let Some(fate) = ask_once(pool, number).await {
                return fate;
            }
            sleep(LOOK_UP_PAUSE).await;
        }
    };
    timeout(LOOK_UP, ask).await.unwrap_or(Fate::Unknown)
}

async fn ask_once(pool: &PgPool, number: &str) -> Option<Fate> {
    let status: Result<Option<String>, sqlx::Error> =
        sqlx::query_scalar("SELECT pg_xact_status($1::text::xid8)").bind(number).fetch_one(pool).await;
    match status {
        Ok(Some(status)) if status == "committed" => Some(Fate::Committed),
        Ok(Some(status)) if status == "aborted" => Some(Fate::RolledBack),
        // It is still at it: the end of the connection has not come through, or the disk is slow.
        Ok(Some(_)) => None,
        // So long ago that the server has forgotten; or another server, which does not know it.
        Ok(None) | Err(sqlx::Error::Database(_)) if !is_starting(&status) => Some(Fate::Unknown),
        _ => None,
    }
}

/// The server comes up or goes down.
fn is_starting(status: &Result<Option<String>, sqlx::Error>) -> bool {
    let Err(error) = status else { return false };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("57P"))
}
