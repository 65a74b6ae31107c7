//! The tables, and the way from an older schema to this one.
//!
//! `migrations` says which steps a file has been through. A step that was released is never changed; a new one is added at the end.

use sqlx::SqliteConnection;

use crate::error::JournalError;
use crate::failure::{Failure, corrupt};

/// Marks the file as ours (`BSCL`), in SQLite's header.
pub(super) const APPLICATION_ID: i64 = 0x4253_434c;

/// Version and statements of every step, in order.
const STEPS: &[(i64, &str)] = &[(1, VERSION_1), (2, VERSION_2)];

const VERSION_1: &str = "
CREATE TABLE leases (
    key TEXT PRIMARY KEY,
    generation INTEGER NOT NULL CHECK (generation > 0),   -- only grows, and outlives the lease
    run TEXT REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED,
    owner TEXT,
    since INTEGER,                                        -- all times: nanoseconds since 1970, UTC
    until INTEGER,
    CHECK ((run IS NULL) = (owner IS NULL) AND (run IS NULL) = (since IS NULL) AND (run IS NULL) = (until IS NULL))
) STRICT;

CREATE TABLE environments (
    key TEXT PRIMARY KEY,
    record TEXT NOT NULL                                  -- JSON
) STRICT;

CREATE TABLE releases (
    key TEXT NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    artifact TEXT NOT NULL,
    standard TEXT NOT NULL,
    release TEXT NOT NULL,                                -- JSON
    source TEXT,                                          -- JSON
    sealed BLOB NOT NULL,
    PRIMARY KEY (key, id)
) STRICT;
CREATE INDEX releases_newest ON releases (key, number DESC, id DESC, artifact);

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    last_sequence INTEGER NOT NULL,
    plan TEXT NOT NULL,                                   -- JSON
    state TEXT NOT NULL,                                  -- JSON, the fold of the events
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX runs_newest ON runs (key, created_at DESC, id DESC);
CREATE UNIQUE INDEX runs_unfinished ON runs (key) WHERE finished_at IS NULL;

CREATE TABLE events (
    run TEXT NOT NULL REFERENCES runs (id),
    sequence INTEGER NOT NULL,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    payload TEXT NOT NULL,                                -- JSON
    PRIMARY KEY (run, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_once ON events (run, step, attempt, kind);

CREATE TABLE outbox (
    run TEXT NOT NULL REFERENCES runs (id),
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    action TEXT NOT NULL,
    since INTEGER NOT NULL,
    performed_at INTEGER,                                 -- when its outcome was recorded
    PRIMARY KEY (run, step, attempt, action)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    key TEXT NOT NULL,
    run TEXT,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE TRIGGER events_are_kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is never deleted'); END;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END;
";

const VERSION_2: &str = "
CREATE INDEX audit_deeds ON audit (key, action, at) WHERE run IS NULL;
";

/// The newest schema that this version knows.
pub(super) fn known() -> i64 {
    STEPS.last().map_or(0, |(version, _)| *version)
}

/// Which schema the file has.
pub(super) async fn found(connection: &mut SqliteConnection) -> Result<i64, Failure> {
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    if application != APPLICATION_ID {
        return Err(corrupt("it is an SQLite file, but no journal of Bascule"));
    }
    let (version, by): (i64, String) =
        sqlx::query_as("SELECT version, written_by FROM migrations ORDER BY version DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?
            .ok_or_else(|| corrupt("it does not say which schema it has"))?;
    if version > known() {
        return Err(JournalError::Newer { found: version, known: known(), by }.into());
    }
    Ok(version)
}

/// Brings a file from this version to the newest; call it inside a transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection, from: i64) -> Result<(), Failure> {
    for (version, statements) in STEPS.iter().filter(|(version, _)| *version > from) {
        sqlx::raw_sql(*statements).execute(&mut *connection).await?;
        sqlx::query("INSERT INTO migrations (version, written_by) VALUES (?, ?)")
            .bind(*version)
            .bind(env!("CARGO_PKG_VERSION"))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Marks an empty file as ours; call it inside a transaction.
pub(super) async fn mark(connection: &mut SqliteConnection) -> Result<(), Failure> {
    let statements = sqlx::AssertSqlSafe(format!(
        "PRAGMA application_id = {APPLICATION_ID};
         CREATE TABLE migrations (version INTEGER PRIMARY KEY, written_by TEXT NOT NULL) STRICT;"
    ));
    sqlx::raw_sql(statements).execute(&mut *connection).await?;
    Ok(())
}
