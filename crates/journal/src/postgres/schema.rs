//! The tables, in a schema of their own, and the way from an older version to this one.
//!
//! `bascule_journal.migrations` says which steps a database has been through. A step that was released is never changed; a new one
//! is added at the end.

use sqlx::PgConnection;

use crate::error::JournalError;
use crate::failure::{Failure, corrupt};

/// Version and statements of every step, in order.
const STEPS: &[(i64, &str)] = &[(1, VERSION_1)];

/// Whoever makes or changes the tables holds this advisory lock: `BSCL` and a word of the journal's own.
const LOCK: i64 = 0x4253_434c_0000_0001;

const VERSION_1: &str = r#"
CREATE TABLE bascule_journal.journal (
    only_one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_one),
    id TEXT NOT NULL                                      -- tells this journal from every other
);                                                        -- whoever writes holds its row
INSERT INTO bascule_journal.journal (id) VALUES (gen_random_uuid()::text);

CREATE TABLE bascule_journal.environments (
    key TEXT COLLATE "C" PRIMARY KEY,
    record TEXT NOT NULL                                  -- JSON
);

CREATE TABLE bascule_journal.releases (
    key TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    artifact TEXT NOT NULL,
    standard TEXT NOT NULL,
    release TEXT NOT NULL,                                -- JSON
    source TEXT,                                          -- JSON
    sealed BYTEA NOT NULL,
    PRIMARY KEY (key, id)
);
CREATE INDEX releases_newest ON bascule_journal.releases (key, number DESC, id DESC);

CREATE TABLE bascule_journal.runs (
    id TEXT COLLATE "C" PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,                           -- all times: nanoseconds since 1970, UTC
    finished_at BIGINT,
    outcome TEXT,
    last_sequence BIGINT NOT NULL,
    plan TEXT NOT NULL,                                   -- JSON
    state TEXT NOT NULL,                                  -- JSON, the fold of the events
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX runs_newest ON bascule_journal.runs (key, created_at DESC, id DESC);
CREATE UNIQUE INDEX runs_unfinished ON bascule_journal.runs (key) WHERE finished_at IS NULL;

CREATE TABLE bascule_journal.leases (
    key TEXT COLLATE "C" PRIMARY KEY,
    generation BIGINT NOT NULL CHECK (generation > 0),    -- only grows, and outlives the lease
    run TEXT REFERENCES bascule_journal.runs (id) DEFERRABLE INITIALLY DEFERRED,
    owner TEXT,
    since BIGINT,
    until BIGINT,
    CHECK ((run IS NULL) = (owner IS NULL) AND (run IS NULL) = (since IS NULL) AND (run IS NULL) = (until IS NULL))
);

CREATE TABLE bascule_journal.events (
    run TEXT COLLATE "C" NOT NULL REFERENCES bascule_journal.runs (id),
    sequence BIGINT NOT NULL,
    step TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    payload TEXT NOT NULL,                                -- JSON
    PRIMARY KEY (run, sequence)
);
CREATE UNIQUE INDEX events_once ON bascule_journal.events (run, step, attempt, kind);

CREATE TABLE bascule_journal.outbox (
    run TEXT COLLATE "C" NOT NULL REFERENCES bascule_journal.runs (id),
    step TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    action TEXT NOT NULL,
    since BIGINT NOT NULL,
    performed_at BIGINT,                                  -- when its outcome was recorded
    PRIMARY KEY (run, step, attempt, action)
);

CREATE TABLE bascule_journal.audit (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    run TEXT,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_deeds ON bascule_journal.audit (key, action, at) WHERE run IS NULL;

CREATE FUNCTION bascule_journal.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON bascule_journal.events
    FOR EACH ROW EXECUTE FUNCTION bascule_journal.refuse();
CREATE TRIGGER events_are_kept BEFORE TRUNCATE ON bascule_journal.events
    FOR EACH STATEMENT EXECUTE FUNCTION bascule_journal.refuse();
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON bascule_journal.audit
    FOR EACH ROW EXECUTE FUNCTION bascule_journal.refuse();
CREATE TRIGGER audit_is_kept BEFORE TRUNCATE ON bascule_journal.audit
    FOR EACH STATEMENT EXECUTE FUNCTION bascule_journal.refuse();
"#;

/// The newest version that this program knows.
fn known() -> i64 {
    STEPS.last().map_or(0, |(version, _)| *version)
}

/// Waits for whoever else makes or changes the tables. Ends with the transaction.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(connection).await?;
    Ok(())
}

/// What is there under the schema's name.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// No schema.
    Nothing,
    /// A schema without tables, made for us by somebody who may.
    Empty,
    /// A journal of this version or an older one.
    Journal(i64),
}

pub(super) async fn found(connection: &mut PgConnection) -> Result<Found, Failure> {
    let (schema, tables, marked): (bool, bool, bool) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'bascule_journal'),
                EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                        WHERE n.nspname = 'bascule_journal'),
                to_regclass('bascule_journal.migrations') IS NOT NULL",
    )
    .fetch_one(&mut *connection)
    .await?;
    match (schema, tables, marked) {
        (false, ..) => return Ok(Found::Nothing),
        (true, false, _) => return Ok(Found::Empty),
        (true, true, false) => {
            return Err(corrupt("the schema bascule_journal has tables, but they are no journal of Bascule"));
        }
        (true, true, true) => {}
    }
    let (version, by): (i64, String) = sqlx::query_as(
        "SELECT version, written_by FROM bascule_journal.migrations ORDER BY version DESC LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or_else(|| corrupt("it does not say which schema it has"))?;
    if version > known() {
        return Err(JournalError::Newer { found: version, known: known(), by }.into());
    }
    Ok(Found::Journal(version))
}

/// Whether nothing is left to do.
pub(super) fn is_current(found: &Found) -> bool {
    *found == Found::Journal(known())
}

/// Brings what was found to the newest version; call it in a transaction, under [`lock`].
pub(super) async fn migrate(connection: &mut PgConnection, found: &Found) -> Result<(), Failure> {
    if *found == Found::Nothing {
        sqlx::raw_sql("CREATE SCHEMA bascule_journal").execute(&mut *connection).await?;
    }
    let from = match found {
        Found::Journal(version) => *version,
        Found::Nothing | Found::Empty => {
            sqlx::raw_sql(
                "CREATE TABLE bascule_journal.migrations (version BIGINT PRIMARY KEY, written_by TEXT NOT NULL)",
            )
            .execute(&mut *connection)
            .await?;
            0
        }
    };
    for (version, statements) in STEPS.iter().filter(|(version, _)| *version > from) {
        sqlx::raw_sql(*statements).execute(&mut *connection).await?;
        sqlx::query("INSERT INTO bascule_journal.migrations (version, written_by) VALUES ($1, $2)")
            .bind(*version)
            .bind(env!("CARGO_PKG_VERSION"))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Which journal this is.
pub(super) async fn id(connection: &mut PgConnection) -> Result<String, Failure> {
    let id: Option<String> =
        sqlx::query_scalar("SELECT id FROM bascule_journal.journal").fetch_optional(connection).await?;
    id.ok_or_else(|| corrupt("it does not say which journal it is"))
}
