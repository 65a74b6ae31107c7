//! Back from the tombstone: in one transaction where the server can, in milliseconds.

use bascule_migrations::Version;
use bascule_sql::Dialect;

use super::error::Error;
use super::refill::Refill;
use super::schema;
use super::tombstone::{State, Tombstone, find, list};
use super::transaction::{self, Policy};
use crate::Connection;
use crate::backfill::clock;

/// What MySQL says when a table, a column or a view's table is missing.
const MISSING: [&str; 3] = ["1146", "1054", "1356"];

/// What MySQL says when what is to be made is there: a table, a column, a key, a foreign key, a routine, a trigger.
const THERE: [&str; 6] = ["1050", "1060", "1061", "1826", "1304", "1359"];

/// Brings one thing back.
///
/// # Errors
/// [`Error::Gone`] for what is not there softly; what the server says.
pub async fn undo(connection: &mut Connection, id: &str, policy: &Policy) -> Result<Tombstone, Error> {
    let found = find(connection, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    if let Some(reason) = never(&found) {
        return Err(Error::Gone { what: found.words(), reason });
    }
    bring_back(connection, &[&found], policy, &[], &found.words()).await?;
    find(connection, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))
}

/// Brings back all that a migration's contract dropped, in reverse order, and gives what came back.
///
/// # Errors
/// [`Error::Gone`] when a part of it is gone for good: then nothing is brought back.
pub async fn undo_all(
    connection: &mut Connection,
    version: &Version,
    policy: &Policy,
) -> Result<Vec<Tombstone>, Error> {
    undo_all_filling(connection, version, policy, &[]).await
}

/// As [`undo_all`]; rows that came meanwhile are filled in before anybody sees the columns again.
///
/// # Errors
/// As [`undo_all`].
pub async fn undo_all_filling(
    connection: &mut Connection,
    version: &Version,
    policy: &Policy,
    refills: &[Refill],
) -> Result<Vec<Tombstone>, Error> {
    let mut found = list(connection).await?;
    found.retain(|tombstone| tombstone.version == *version && tombstone.state != State::Undone);
    found.sort_by_key(|tombstone| std::cmp::Reverse(tombstone.position));
    if let Some((lost, reason)) = found.iter().find_map(|one| never(one).map(|reason| (one, reason))) {
        return Err(Error::Gone { what: lost.words(), reason });
    }
    let all: Vec<_> = found.iter().collect();
    bring_back(connection, &all, policy, refills, &format!("the contract of {version}")).await?;
    found.retain(|tombstone| !tombstone.undo.is_empty());
    Ok(found)
}

/// Why something does not come back; none when it does.
#[must_use]
pub fn never(tombstone: &Tombstone) -> Option<String> {
    match tombstone.state {
        State::Soft | State::Begun | State::Undoing => None,
        State::Undone => Some("it is back already".to_owned()),
        // Definitions are there for ever.
        State::Hard if tombstone.hard.is_empty() => None,
        State::Hard => Some(match &tombstone.backup {
            Some(backup) => format!("it is gone for good; restore it from the backup {backup}"),
            None => "it is gone for good; restore it from a backup".to_owned(),
        }),
    }
}

async fn bring_back(
    connection: &mut Connection,
    tombstones: &[&Tombstone],
    policy: &Policy,
    refills: &[Refill],
    what: &str,
) -> Result<(), Error> {
    let what = format!("bringing back {what}");
    let last = |tombstone: &Tombstone| {
        let of = refills.iter().filter(|refill| refill.tombstone == tombstone.id);
        of.map(|refill| refill.last.clone()).collect::<Vec<_>>()
    };
    let statements: Vec<String> =
        tombstones.iter().flat_map(|tombstone| [tombstone.undo.clone(), last(tombstone)].concat()).collect();
    let marks = |state| tombstones.iter().map(move |tombstone| (tombstone.id.clone(), state));
    let dialect = connection.dialect();
    let mark = |(id, state): (String, State)| {
        let id = crate::literal(dialect, &id);
        let (table, now) = (schema::table(dialect), clock::now(dialect));
        format!("UPDATE {table} SET state = '{}', undone_at = {now} WHERE id = {id}", state.as_str())
    };
    // Where each of them is a commit of its own, what the journal says comes first: marks that are missing do no harm.
    let done: Vec<String> = policy.also.iter().cloned().chain(marks(State::Undone).map(mark)).collect();
    if dialect != Dialect::Mysql {
        let together: Vec<String> = statements.into_iter().chain(done).collect();
        return transaction::run(connection, policy, &what, &together, &[]).await;
    }
    let undoing: Vec<String> = marks(State::Undoing).map(mark).collect();
    let half = |tombstone: &&Tombstone| matches!(tombstone.state, State::Undoing | State::Begun);
    let mut which = if tombstones.iter().any(half) { Try::Again } else { Try::First };
    transaction::run(connection, policy, &what, &undoing, &[]).await?;
    for attempt in 1..=policy.attempts.max(1) {
        match piecewise(connection, policy, &statements, which, &what).await {
            Ok(()) => return transaction::run(connection, policy, &what, &done, &[]).await,
            Err(error) if transaction::is_held(&error) => which = Try::Again,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(policy.pause(attempt)).await;
    }
    Err(Error::Locked { what, attempts: policy.attempts.max(1) })
}

/// Whether some of it may have been brought back by a try that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    First,
    Again,
}

/// One statement after the other, each a commit of its own. What misses something waits for those behind it: a view can only be made
/// anew when its table has its name again. After an earlier try, what is done already is passed over.
async fn piecewise(
    connection: &mut Connection,
    policy: &Policy,
    statements: &[String],
    which: Try,
    what: &str,
) -> Result<(), Error> {
    transaction::begin(connection, policy).await.map_err(Error::query(what))?;
    transaction::fence(connection, policy).await?;
    let mut left: Vec<String> = statements.to_vec();
    loop {
        let (mut waiting, mut missing) = (Vec::new(), None);
        let before = left.len();
        for statement in left {
            match connection.run(&statement).await {
                Ok(_) => {}
                Err(error) if MISSING.iter().any(|code| error.is(code)) => {
                    waiting.push(statement);
                    missing = Some(error);
                }
                Err(error) if which == Try::Again && THERE.iter().any(|code| error.is(code)) => {}
                Err(error) => return Err(Error::query(what)(error)),
            }
        }
        match missing {
            None => break,
            Some(_) if waiting.len() < before => left = waiting,
            // What was to be renamed has its name back.
            Some(_) if which == Try::Again => break,
            Some(error) => return Err(Error::query(what)(error)),
        }
    }
    transaction::commit(connection).await.map_err(Error::query(what))
}
