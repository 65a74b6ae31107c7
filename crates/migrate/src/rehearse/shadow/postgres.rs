//! PostgreSQL: another database of the same server, from the template when nobody is connected, else through `pg_dump`.

use super::{Kept, Original, Shadow, open};
use crate::address::Address;
use crate::aside::{Aside, Purpose, form_of_postgres};
use crate::connection::{Connection, identifier, literal};
use crate::rehearse::Request;
use crate::rehearse::error::{RehearseError, query};
use crate::rehearse::report::{How, Rows};
use crate::schema::{Filter, snapshot};
use crate::tools::{Content, Owners, pipe};
use bascule_sql::Dialect;

const FACTS: &str = "\
SELECT d.datname, pg_database_size(d.oid), \
    (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()) \
FROM pg_database d WHERE d.datname = current_database()";
const SETTINGS: &str = "\
SELECT unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
WHERE d.datname = current_database() AND s.setrole = 0";

pub(super) struct Facts {
    pub original: Original,
    others: u64,
    /// How a database like it is made.
    form: String,
    /// What sets a session to what it is in the database.
    pub settings: String,
}

pub(super) async fn make(request: &Request<'_>) -> Result<Shadow, RehearseError> {
    let facts = facts(request.database).await?;
    let original = &facts.original;
    let rows = original.rows(request);
    let mut aside = Aside::name(Purpose::Shadow, request.database, &original.name).await?;
    let how = create(&mut aside, &facts, rows).await?;
    let address = aside.address().clone();
    match fill(request, &address, &facts, how, rows).await {
        Ok((connection, copied)) => {
            let cleaned = aside.cleaned().to_vec();
            let kept = Kept::Aside(aside);
            Ok(Shadow {
                connection,
                address,
                copied,
                databases: Vec::new(),
                cleaned,
                settings: facts.settings,
                kept,
            })
        }
        Err(error) => {
            // What is left if this fails too goes with the next rehearsal.
            let _ = aside.remove().await;
            Err(error)
        }
    }
}

pub(super) async fn facts(database: &Address) -> Result<Facts, RehearseError> {
    let mut live = open(database).await?;
    let asking = "reading what the database is";
    let row = live.rows(FACTS).await.map_err(query(asking))?.into_iter().next().unwrap_or_default();
    let settings = live.rows(SETTINGS).await.map_err(query(asking))?;
    let form = form_of_postgres(&mut live).await.map_err(query(asking))?;
    let schema = snapshot(&mut live, &Filter::default()).await.map_err(query("reading the schema"))?;
    live.close().await;
    let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let original = Original { name: text(0), bytes: text(1).parse().unwrap_or_default(), schema };
    let settings = settings.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let settings = settings.map(|setting| set(&setting)).collect();
    Ok(Facts { original, others: text(2).parse().unwrap_or(1), form, settings })
}

fn set(setting: &str) -> String {
    let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
    let (name, value) = (literal(Dialect::Postgres, name), literal(Dialect::Postgres, value));
    format!("SELECT set_config({name}, {value}, false);")
}

async fn create(aside: &mut Aside, facts: &Facts, rows: Rows) -> Result<How, RehearseError> {
    // A database that is copied as a template lets nobody in meanwhile: not where somebody is, and not for long.
    if facts.others == 0 && rows == Rows::All {
        let template = identifier(Dialect::Postgres, &facts.original.name);
        if aside.create(&format!("TEMPLATE {template}")).await.is_ok() {
            return Ok(How::Template);
        }
    }
    aside.create(&facts.form).await?;
    Ok(How::Dump)
}

/// Fills an empty database and looks at what came of it.
pub(super) async fn fill(
    request: &Request<'_>,
    address: &Address,
    facts: &Facts,
    how: How,
    rows: Rows,
) -> Result<(Connection, crate::rehearse::report::Copied), RehearseError> {
    let mut connection = open(address).await?;
    if how == How::Dump {
        let content = if rows == Rows::All { Content::Rows } else { Content::Schema };
        let from = request.tools.dump(request.database, connection.server(), &content).await?;
        let to = request.tools.load(address, connection.server(), Owners::Taken).await?;
        // What could not be made is seen in the schema.
        pipe(from, to).await?;
    }
    let mut sql = format!("{}{CUT}", facts.settings);
    if rows == Rows::All {
        sql.push_str("ANALYZE;");
    }
    connection.run(&sql).await.map_err(query("preparing the copy"))?;
    let copied = facts.original.copied(&mut connection, how, rows).await?;
    Ok((connection, copied))
}

/// Tables of other servers stay theirs: without a user mapping nobody gets there.
const CUT: &str = "\
DO $$ DECLARE mapping record; BEGIN \
    FOR mapping IN SELECT srvname, usename FROM pg_user_mappings LOOP \
        EXECUTE format('DROP USER MAPPING FOR %s SERVER %I', \
            CASE mapping.usename WHEN 'public' THEN 'public' ELSE quote_ident(mapping.usename) END, mapping.srvname); \
    END LOOP; \
END $$;";
