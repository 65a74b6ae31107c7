//! MySQL and MariaDB: another database of the same server, through their dump program.
//!
//! A name with a database before it means that one wherever it stands. What is copied must hold none: a trigger of the copy would
//! else write into the real tables.

use bascule_sql::Dialect;

use super::{Kept, Original, Shadow, open};
use crate::address::Address;
use crate::aside::{Aside, Purpose};
use crate::connection::{Connection, literal};
use crate::rehearse::Request;
use crate::rehearse::beyond::reaches;
use crate::rehearse::error::{RehearseError, query};
use crate::rehearse::report::{How, Rows};
use crate::schema::{Filter, snapshot};
use crate::tools::{Content, Owners, pipe};

const FACTS: &str = "\
SELECT DATABASE(), \
    (SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE())";
const BODIES: &str = "\
SELECT CONCAT('the trigger ', trigger_name), action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
UNION ALL SELECT CONCAT('the ', LOWER(routine_type), ' ', routine_name), routine_definition FROM information_schema.routines \
WHERE routine_schema = DATABASE()";
const FORM: &str = "\
SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ";

pub(super) async fn make(request: &Request<'_>) -> Result<Shadow, RehearseError> {
    let (original, databases) = original(request.database).await?;
    let mut aside = Aside::name(Purpose::Shadow, request.database, &original.name).await?;
    let form = format!("{FORM}{}", literal(Dialect::Mysql, &original.name));
    let form = aside.maintenance().rows(&form).await.map_err(query("reading what the database is"))?;
    let form = match form.into_iter().next().as_deref() {
        Some([Some(set), Some(collation)]) => format!("CHARACTER SET {set} COLLATE {collation}"),
        _ => String::new(),
    };
    aside.create(&form).await?;
    let address = aside.address().clone();
    match fill(request, &address, &original).await {
        Ok((connection, copied)) => {
            let cleaned = aside.cleaned().to_vec();
            Ok(Shadow {
                connection,
                address,
                copied,
                databases,
                cleaned,
                settings: String::new(),
                kept: Kept::Aside(aside),
            })
        }
        Err(error) => {
            let _ = aside.remove().await;
            Err(error)
        }
    }
}

/// The database, and the names of all of its server. Refuses one whose bodies name a database.
pub(super) async fn original(database: &Address) -> Result<(Original, Vec<String>), RehearseError> {
    let mut live = open(database).await?;
    let asking = "reading what the database is";
    let row = live.rows(FACTS).await.map_err(query(asking))?.into_iter().next().unwrap_or_default();
    let databases = live.rows("SHOW DATABASES").await.map_err(query(asking))?;
    let databases: Vec<String> =
        databases.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    for row in live.rows(BODIES).await.map_err(query(asking))? {
        if let [Some(what), Some(body)] = &row[..]
            && reaches(Dialect::Mysql, body, &databases).is_some()
        {
            return Err(RehearseError::ReachesOut { what: what.clone() });
        }
    }
    let schema = snapshot(&mut live, &Filter::default()).await.map_err(query("reading the schema"))?;
    live.close().await;
    let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let bytes = text(1).split('.').next().and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
    Ok((Original { name: text(0), bytes, schema }, databases))
}

async fn fill(
    request: &Request<'_>,
    address: &Address,
    original: &Original,
) -> Result<(Connection, crate::rehearse::report::Copied), RehearseError> {
    let mut connection = open(address).await?;
    let rows = original.rows(request);
    let content = if rows == Rows::All { Content::Rows } else { Content::Schema };
    let from = request.tools.dump(request.database, connection.server(), &content).await?;
    let to = request.tools.load(address, connection.server(), Owners::Taken).await?;
    pipe(from, to).await?;
    let copied = original.copied(&mut connection, How::Dump, rows).await?;
    Ok((connection, copied))
}
