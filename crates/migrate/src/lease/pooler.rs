//! A pooler that gives our session to others between two transactions: found with two connections, and refused.
//!
//! While the second connection has a transaction open, it keeps the server's session that it got. A pooler that shares sessions gives
//! it the one that the first had just used, or gives the first another one; without such a pooler neither can happen.

use std::time::Duration;

use crate::connection::Connection;
use crate::error::{DatabaseError, Error};
use crate::settings::Settings;

/// A pooler whose sessions are all taken does not answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Refuses a pooler that shares sessions, and a server that cannot be written.
pub async fn refuse(
    first: &mut Connection,
    second: &mut Connection,
    settings: &Settings,
) -> Result<(), Error> {
    let mark = format!("{:016x}", (settings.chance)());
    let ask = "SELECT pg_backend_pid(), current_setting('bascule.mark', true), pg_is_in_recovery(), \
               current_setting('default_transaction_read_only')";
    let shared = |how: &str| Error::Pooler { how: how.to_owned() };
    let failed = |error: DatabaseError| {
        if error.message.contains("pooling mode") {
            shared(&error.message)
        } else {
            Error::of("asking for our session", error)
        }
    };
    // In one text, which is one transaction and so one session.
    let set = format!("SELECT set_config('bascule.mark', '{mark}', false)");
    first.run(&set).await.map_err(failed)?;
    let before = one(first, ask).await.map_err(failed)?;
    if before.1.as_deref() != Some(&mark) {
        return Err(shared("a setting of our session was lost"));
    }
    if before.2.as_deref() == Some("t") {
        return Err(read_only(settings, "it is a replica that follows another server"));
    }
    if before.3.as_deref() == Some("on") {
        return Err(read_only(settings, "default_transaction_read_only is on"));
    }
    second.run("BEGIN").await.map_err(failed)?;
    let outcome = compare(first, second, ask, &mark, &before.0).await;
    let ended = second.run("ROLLBACK").await;
    match outcome {
        Ok(None) => ended.map(drop).map_err(failed),
        Ok(Some(how)) => Err(shared(how)),
        Err(error) => Err(failed(error)),
    }
}

async fn compare(
    first: &mut Connection,
    second: &mut Connection,
    ask: &str,
    mark: &str,
    session: &Option<String>,
) -> Result<Option<&'static str>, DatabaseError> {
    let other = one(second, ask).await?;
    if other.0 == *session || other.1.as_deref() == Some(mark) {
        return Ok(Some("two of our connections have the same session"));
    }
    let Ok(again) = tokio::time::timeout(ANSWER, one(first, ask)).await else {
        return Ok(Some("a connection waits for the transaction of another"));
    };
    let again = again?;
    if again.0 != *session || again.1.as_deref() != Some(mark) {
        return Ok(Some("our session changed between two statements"));
    }
    Ok(None)
}

type Answer = (Option<String>, Option<String>, Option<String>, Option<String>);

async fn one(connection: &mut Connection, sql: &str) -> Result<Answer, DatabaseError> {
    let row = connection.rows(sql).await?.into_iter().next().unwrap_or_default();
    let mut row = row.into_iter().map(|value| value.filter(|value| !value.is_empty()));
    let mut next = || row.next().flatten();
    Ok((next(), next(), next(), next()))
}

fn read_only(settings: &Settings, why: &str) -> Error {
    Error::ReadOnly { place: settings.address.place(), why: why.to_owned() }
}
