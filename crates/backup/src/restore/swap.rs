//! PostgreSQL: the new database takes the name of the former one, in one transaction.

use std::time::Duration;

use bascule_migrate::aside::Aside;
use bascule_migrate::{Connection, DatabaseError, identifier, literal};
use bascule_sql::Dialect;
use jiff::Timestamp;

use crate::error::{BackupError, query};

/// Gives the name under which the former one stays, when it had tables.
pub(super) async fn swap(
    aside: &mut Aside,
    name: &str,
    there: bool,
    full: bool,
    now: Timestamp,
) -> Result<Option<String>, BackupError> {
    let restored = aside.quoted();
    let quoted = identifier(Dialect::Postgres, name);
    let maintenance = aside.maintenance();
    if !there {
        let rename = format!("ALTER DATABASE {restored} RENAME TO {quoted}");
        maintenance.run(&rename).await.map_err(query("giving the database its name"))?;
        return Ok(None);
    }
    carry_over(maintenance, name, &restored).await.map_err(query("carrying over the database's settings"))?;
    let former = format!("{name}_replaced_{}", now.strftime("%Y%m%d%H%M%S"));
    let kept = identifier(Dialect::Postgres, &former);
    let rename = format!(
        "BEGIN; ALTER DATABASE {quoted} RENAME TO {kept}; ALTER DATABASE {restored} RENAME TO {quoted}; COMMIT"
    );
    // Nobody comes in any more, and whoever is there goes. A session takes a moment to do so.
    let close = format!("ALTER DATABASE {quoted} ALLOW_CONNECTIONS false");
    maintenance.run(&close).await.map_err(query("closing the former database"))?;
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}",
        literal(Dialect::Postgres, name)
    );
    let mut outcome = Ok(0);
    for _ in 0..50 {
        let _ = maintenance.run(&end).await;
        outcome = maintenance.run(&rename).await;
        if outcome.is_ok() {
            break;
        }
        let _ = maintenance.run("ROLLBACK").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let now_called = if outcome.is_ok() { &kept } else { &quoted };
    let reopen = format!("ALTER DATABASE {now_called} ALLOW_CONNECTIONS true");
    maintenance.run(&reopen).await.map_err(query("opening the former database"))?;
    if outcome.is_err() {
        return Err(BackupError::InUse { database: name.to_owned(), restored });
    }
    if full {
        return Ok(Some(former));
    }
    maintenance.run(&format!("DROP DATABASE {kept}")).await.map_err(query("dropping the empty database"))?;
    Ok(None)
}

/// What a database has beside what is in it: its owner, its settings, who may connect.
async fn carry_over(maintenance: &mut Connection, name: &str, restored: &str) -> Result<(), DatabaseError> {
    let of = literal(Dialect::Postgres, name);
    let to = literal(Dialect::Postgres, restored);
    // Settings that are lists are quoted where they are kept already.
    let questions = format!(
        "SELECT format('ALTER DATABASE %s OWNER TO %I', {to}, pg_get_userbyid(datdba)) FROM pg_database WHERE datname = {of} \
         UNION ALL SELECT format('ALTER DATABASE %s SET %I TO %s', {to}, split_part(c, '=', 1), \
            CASE WHEN split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries') \
            THEN substr(c, strpos(c, '=') + 1) ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END) \
         FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0, unnest(s.setconfig) c WHERE d.datname = {of} \
         UNION ALL SELECT format('GRANT %s ON DATABASE %s TO %s', a.privilege_type, {to}, \
            CASE a.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) \
         FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = {of} \
         UNION ALL SELECT format('REVOKE ALL ON DATABASE %s FROM public', {to}) FROM pg_database d WHERE d.datname = {of} \
         AND d.datacl IS NOT NULL AND NOT EXISTS (SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = 0)"
    );
    for row in maintenance.rows(&questions).await? {
        if let Some(sql) = row.into_iter().next().flatten() {
            maintenance.run(&sql).await?;
        }
    }
    Ok(())
}
