//! A database that somebody named for rehearsals, where we may not make one. Used only when it is empty, or when our mark says that
//! what is in it is ours.

use bascule_sql::Dialect;

use super::{Kept, Shadow, open, postgres};
use crate::address::Address;
use crate::connection::{Connection, Server, identifier, literal};
use crate::error::DatabaseError;
use crate::rehearse::Request;
use crate::rehearse::error::{RehearseError, query};
use crate::rehearse::report::How;
use crate::schema::{Filter, SHADOW, Snapshot, snapshot};
use crate::tools::{Content, Owners, pipe};

pub(super) async fn make(request: &Request<'_>, address: &Address) -> Result<Shadow, RehearseError> {
    let mut shadow = open(address).await?;
    let mut live = open(request.database).await?;
    same_kind(shadow.server(), live.server())?;
    let asking = "looking at the database of `shadow_url`";
    if is_same(&mut live, &mut shadow).await.map_err(query(asking))? {
        return Err(RehearseError::ShadowIsDatabase);
    }
    live.close().await;
    lock(&mut shadow).await?;
    if is_marked(&mut shadow).await.map_err(query(asking))? {
        empty(&mut shadow).await.map_err(query("emptying the database of `shadow_url`"))?;
    }
    let there = snapshot(&mut shadow, &Filter::ours()).await.map_err(query(asking))?;
    if let Some(found) = first(&there) {
        return Err(RehearseError::ShadowHolds { found });
    }
    fill(request, address, shadow).await
}

/// Marks and fills one that is empty and locked by that connection.
pub(super) async fn fill(
    request: &Request<'_>,
    address: &Address,
    mut shadow: Connection,
) -> Result<Shadow, RehearseError> {
    let doing = "marking the database of `shadow_url`";
    if shadow.dialect() == Dialect::Postgres {
        let mark = format!(
            "CREATE SCHEMA IF NOT EXISTS {SHADOW}; COMMENT ON SCHEMA {SHADOW} IS 'all of this database is a copy of bascule, for rehearsals'"
        );
        shadow.run(&mark).await.map_err(query(doing))?;
        let facts = postgres::facts(request.database).await?;
        let rows = facts.original.rows(request);
        // The one that holds the lock stays; its settings are those of its own database.
        let (mut connection, copied) = postgres::fill(request, address, &facts, How::Dump, rows).await?;
        lock_beside(&mut connection, &mut shadow).await?;
        return Ok(Shadow {
            connection,
            address: address.clone(),
            copied,
            databases: Vec::new(),
            cleaned: Vec::new(),
            settings: facts.settings,
            kept: Kept::Configured,
        });
    }
    let mark = format!("CREATE TABLE {SHADOW}_mark (of int)");
    shadow.run(&mark).await.map_err(query(doing))?;
    let (original, databases) = super::mysql::original(request.database).await?;
    let rows = original.rows(request);
    let content = if rows == crate::rehearse::report::Rows::All { Content::Rows } else { Content::Schema };
    let from = request.tools.dump(request.database, shadow.server(), &content).await?;
    let to = request.tools.load(address, shadow.server(), Owners::Taken).await?;
    pipe(from, to).await?;
    let copied = original.copied(&mut shadow, How::Dump, rows).await?;
    Ok(Shadow {
        connection: shadow,
        address: address.clone(),
        copied,
        databases,
        cleaned: Vec::new(),
        settings: String::new(),
        kept: Kept::Configured,
    })
}

fn same_kind(shadow: Server, database: Server) -> Result<(), RehearseError> {
    let major = |server: Server| match server {
        Server::Postgres(number) => ("PostgreSQL", number / 10_000, 0),
        Server::Mysql(major, minor, _) => ("MySQL", major, minor),
        Server::MariaDb(major, minor, _) => ("MariaDB", major, minor),
        Server::Sqlite(major, ..) => ("SQLite", major, 0),
    };
    let (shadow, database) = (major(shadow), major(database));
    if shadow == database {
        return Ok(());
    }
    let said = |(kind, major, _): (&str, u32, u32)| format!("{kind} {major}");
    Err(RehearseError::ShadowDiffers { shadow: said(shadow), database: said(database) })
}

/// Whether the session of the one is seen by the other as one of its own database.
async fn is_same(live: &mut Connection, shadow: &mut Connection) -> Result<bool, DatabaseError> {
    let (who, seen) = match live.dialect() {
        Dialect::Postgres => (
            "SELECT pid::text || ' ' || extract(epoch FROM backend_start) FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND \
             pid::text || ' ' || extract(epoch FROM backend_start) = ",
        ),
        _ => (
            "SELECT CONCAT(connection_id(), '@', @@hostname, ':', @@port, @@datadir)",
            "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND \
             CONCAT(id, '@', @@hostname, ':', @@port, @@datadir) = ",
        ),
    };
    let who = live.value(who).await?.unwrap_or_default();
    let seen = format!("{seen}{}", literal(live.dialect(), &who));
    Ok(shadow.value(&seen).await?.as_deref() != Some("0"))
}

const KEY: i64 = 0x6261_7363_756c_6501;

async fn lock(shadow: &mut Connection) -> Result<(), RehearseError> {
    let sql = match shadow.dialect() {
        Dialect::Postgres => format!("SELECT pg_try_advisory_lock({KEY})::int"),
        _ => format!("SELECT GET_LOCK(CONCAT('{SHADOW} ', MD5(DATABASE())), 0)"),
    };
    let got = shadow.value(&sql).await.map_err(query("locking the database of `shadow_url`"))?;
    if got.as_deref() == Some("1") { Ok(()) } else { Err(RehearseError::ShadowInUse) }
}

/// Lets the next one in.
pub(super) async fn unlock(shadow: &mut Connection) -> Result<(), DatabaseError> {
    let sql = match shadow.dialect() {
        Dialect::Postgres => format!("SELECT pg_advisory_unlock({KEY})"),
        _ => format!("SELECT RELEASE_LOCK(CONCAT('{SHADOW} ', MD5(DATABASE())))"),
    };
    shadow.run(&sql).await.map(drop)
}

/// Hands the lock over to the connection that stays.
async fn lock_beside(connection: &mut Connection, holder: &mut Connection) -> Result<(), RehearseError> {
    let doing = "locking the database of `shadow_url`";
    unlock(holder).await.map_err(query(doing))?;
    lock(connection).await
}

async fn is_marked(shadow: &mut Connection) -> Result<bool, DatabaseError> {
    let sql = match shadow.dialect() {
        Dialect::Postgres => format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{SHADOW}'"),
        _ => format!(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '{SHADOW}_mark'"
        ),
    };
    Ok(shadow.value(&sql).await?.as_deref() != Some("0"))
}

/// One thing that an empty database does not have.
fn first(there: &Snapshot) -> Option<String> {
    let usual = |kind: &str, name: &str| {
        matches!((kind, name), ("schema", "public") | ("extension", _) | ("database", _))
    };
    let found = there.objects().iter().find(|object| !usual(&object.kind, &object.name))?;
    Some(format!("{} {}", found.kind, found.name))
}

const DROPS: &str = "\
SELECT format('DROP EVENT TRIGGER IF EXISTS %I CASCADE', evtname) FROM pg_event_trigger \
UNION ALL SELECT format('DROP PUBLICATION IF EXISTS %I', pubname) FROM pg_publication \
UNION ALL SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname) FROM pg_extension WHERE extname <> 'plpgsql' \
UNION ALL SELECT format('DROP SERVER IF EXISTS %I CASCADE', srvname) FROM pg_foreign_server \
UNION ALL SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_namespace \
WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'bascule_shadow')";

/// Leaves nothing but the mark.
pub(super) async fn empty(shadow: &mut Connection) -> Result<(), DatabaseError> {
    if !is_marked(shadow).await? {
        return Ok(());
    }
    if shadow.dialect() == Dialect::Postgres {
        for row in shadow.rows(DROPS).await? {
            if let Some(sql) = row.into_iter().next().flatten() {
                shadow.run(&sql).await?;
            }
        }
        let create = if matches!(shadow.server(), Server::Postgres(number) if number < 150_000) {
            "ALL"
        } else {
            "USAGE"
        };
        let public = format!(
            "CREATE SCHEMA public; COMMENT ON SCHEMA public IS 'standard public schema'; GRANT {create} ON SCHEMA public TO public"
        );
        return shadow.run(&public).await.map(drop);
    }
    let there = "SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, table_name \
        FROM information_schema.tables WHERE table_schema = DATABASE() \
        UNION ALL SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() \
        UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE()";
    let mut sql = "SET SESSION foreign_key_checks = 0;".to_owned();
    for row in shadow.rows(there).await? {
        if let [Some(kind), Some(name)] = &row[..]
            && name != &format!("{SHADOW}_mark")
        {
            sql.push_str(&format!("DROP {kind} IF EXISTS {};", identifier(Dialect::Mysql, name)));
        }
    }
    sql.push_str(&format!("DROP TABLE {SHADOW}_mark; SET SESSION foreign_key_checks = 1"));
    shadow.run(&sql).await.map(drop)
}
