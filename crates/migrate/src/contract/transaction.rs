//! Statements that go together, with a short wait for their locks and several attempts.

use std::time::Duration;

use bascule_sql::Dialect;

use super::error::Error;
use crate::{Connection, DatabaseError};

/// How locks are waited for, and how long things stay soft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// From the soft drop to the first moment of the hard one.
    pub soft_for: Duration,
    /// How long one attempt waits for a lock: as long as it does, others wait behind it.
    pub lock_timeout: Duration,
    /// How many attempts there are.
    pub attempts: u32,
    /// A query that gives a row as long as the lease is ours; asked within the transaction.
    pub fence: Option<String>,
    /// What is run at the end, in the transaction of the last statements: the journal says that it is done.
    pub also: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            soft_for: Duration::from_secs(7 * 24 * 60 * 60),
            lock_timeout: Duration::from_millis(500),
            attempts: 20,
            fence: None,
            also: Vec::new(),
        }
    }
}

impl Policy {
    /// How long to wait before the next attempt.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        self.lock_timeout.mul_f64(0.5) * attempt.clamp(1, 6)
    }
}

/// Begins one, where the server can take schema changes back.
pub(super) async fn begin(connection: &mut Connection, policy: &Policy) -> Result<(), DatabaseError> {
    let wait = policy.lock_timeout.as_millis();
    let sql = match connection.dialect() {
        Dialect::Postgres => format!("BEGIN; SET LOCAL lock_timeout = '{wait}ms'"),
        // Whole seconds are all it knows.
        Dialect::Mysql => format!("SET SESSION lock_wait_timeout = {}", wait.div_ceil(1_000).max(1)),
        Dialect::Sqlite => "BEGIN IMMEDIATE".to_owned(),
    };
    connection.run(&sql).await.map(drop)
}

/// Ends it well.
pub(super) async fn commit(connection: &mut Connection) -> Result<(), DatabaseError> {
    let sql = match connection.dialect() {
        Dialect::Postgres | Dialect::Sqlite => "COMMIT",
        Dialect::Mysql => "SET SESSION lock_wait_timeout = DEFAULT",
    };
    connection.run(sql).await.map(drop)
}

/// Takes it back. Of a connection that broke, the server does so itself.
pub(super) async fn rollback(connection: &mut Connection) {
    let sql = match connection.dialect() {
        Dialect::Postgres | Dialect::Sqlite => "ROLLBACK",
        Dialect::Mysql => "UNLOCK TABLES; SET SESSION lock_wait_timeout = DEFAULT",
    };
    let _ = connection.run(sql).await;
}

/// Asks whether the lease is ours.
pub(super) async fn fence(connection: &mut Connection, policy: &Policy) -> Result<(), Error> {
    let Some(sql) = &policy.fence else { return Ok(()) };
    let rows = connection.rows(sql).await.map_err(Error::query("asking for the lease"))?;
    if rows.is_empty() { Err(Error::Lost) } else { Ok(()) }
}

/// Whether an attempt failed only because somebody held what it needs.
pub(super) fn held(error: &DatabaseError) -> bool {
    ["55P03", "40P01", "40001", "1205", "1213", "5", "6", "261", "262", "517"]
        .iter()
        .any(|code| error.is(code))
}

/// Whether it is what a query failed with.
pub(super) fn is_held(error: &Error) -> bool {
    matches!(error, Error::Query { source, .. } if held(source))
}

/// Runs statements as one transaction where the server can, and says how many attempts it took. `done` are errors that mean that a
/// statement's work is done already, where an earlier run was cut off.
pub(super) async fn run(
    connection: &mut Connection,
    policy: &Policy,
    what: &str,
    statements: &[String],
    done: &[&str],
) -> Result<(), Error> {
    for attempt in 1..=policy.attempts.max(1) {
        let outcome = attempt_once(connection, policy, what, statements, done).await;
        match outcome {
            Ok(()) => return Ok(()),
            Err(error) => {
                rollback(connection).await;
                if !is_held(&error) {
                    return Err(error);
                }
            }
        }
        tokio::time::sleep(policy.pause(attempt)).await;
    }
    Err(Error::Locked { what: what.to_owned(), attempts: policy.attempts.max(1) })
}

async fn attempt_once(
    connection: &mut Connection,
    policy: &Policy,
    what: &str,
    statements: &[String],
    done: &[&str],
) -> Result<(), Error> {
    begin(connection, policy).await.map_err(Error::query(what))?;
    fence(connection, policy).await?;
    for statement in statements {
        match connection.run(statement).await {
            Ok(_) => {}
            Err(error) if done.iter().any(|code| error.is(code)) => {}
            Err(error) => return Err(Error::query(what)(error)),
        }
    }
    commit(connection).await.map_err(Error::query(what))
}
