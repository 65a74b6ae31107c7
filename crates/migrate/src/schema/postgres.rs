//! PostgreSQL: one question over the whole catalog.

use std::collections::BTreeMap;

use bascule_sql::Dialect;

use super::filter::Filter;
use super::snapshot::Object;
use crate::connection::{Connection, literal};
use crate::error::DatabaseError;

const QUESTION: &str = include_str!("postgres.sql");

pub(super) async fn objects(
    connection: &mut Connection,
    filter: &Filter,
) -> Result<Vec<Object>, DatabaseError> {
    // Without a search path every name comes with its schema. It is set back, in case that the caller is within a transaction.
    let sql = format!(
        "SELECT set_config('bascule.search_path', current_setting('search_path'), true);\
         SELECT set_config('search_path', '', true);\
         {};\
         SELECT set_config('search_path', current_setting('bascule.search_path'), true)",
        QUESTION.replace("LEFT_OUT", &left_out(filter))
    );
    let mut objects: BTreeMap<(String, String), Vec<(u8, String)>> = BTreeMap::new();
    for row in connection.rows(&sql).await? {
        let [Some(kind), Some(name), Some(rank), Some(line)] = <[_; 4]>::try_from(row).unwrap_or_default()
        else {
            continue;
        };
        objects.entry((kind, name)).or_default().push((rank.parse().unwrap_or_default(), line));
    }
    Ok(objects.into_iter().map(|((kind, name), lines)| Object::of(kind, name, lines)).collect())
}

fn left_out(filter: &Filter) -> String {
    let names: Vec<String> = filter.tables().iter().map(|table| literal(Dialect::Postgres, table)).collect();
    format!("ARRAY[{}]::text[]", names.join(", "))
}
