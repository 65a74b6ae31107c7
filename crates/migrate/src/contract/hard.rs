//! The hard part: gone for good. The one point of no return.

use bascule_sql::Dialect;

use super::due::{Backup, allowed, measure, now};
use super::error::Error;
use super::schema;
use super::tombstone::{State, Tombstone, find};
use super::transaction::{self, Policy};
use crate::Connection;
use crate::backfill::clock;

/// Errors that say that it was taken before, where each statement is a commit of its own.
const TAKEN: [&str; 3] = ["1051", "1091", "1146"];

/// Takes something for good: only when its time has come, when the last verified backup is younger than its soft drop, and when
/// nobody has used it since.
///
/// # Errors
/// [`Error::Refused`] with the reason; what the server says, when something still needs it.
pub async fn drop_hard(
    connection: &mut Connection,
    id: &str,
    backup: Option<&Backup>,
    policy: &Policy,
) -> Result<Tombstone, Error> {
    let found = find(connection, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    let usage = measure(connection, &found).await;
    let now = now(connection).await?;
    allowed(&found, now, &usage, backup)
        .map_err(|refusal| Error::Refused { what: found.words(), refusal })?;
    let dialect = connection.dialect();
    let mut statements = found.hard.clone();
    let backup = backup.filter(|_| !found.hard.is_empty());
    statements.push(format!(
        "UPDATE {} SET state = '{}', hard_at = {}, backup = {} WHERE id = {}",
        schema::table(dialect),
        State::Hard.as_str(),
        clock::now(dialect),
        backup.map_or_else(|| "NULL".to_owned(), |backup| connection.literal(&backup.id)),
        connection.literal(id)
    ));
    statements.extend(policy.also.iter().cloned());
    let done: &[&str] = if dialect == Dialect::Mysql { &TAKEN } else { &[] };
    let what = format!("the hard drop of {}", found.words());
    transaction::run(connection, policy, &what, &statements, done).await?;
    find(connection, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))
}
