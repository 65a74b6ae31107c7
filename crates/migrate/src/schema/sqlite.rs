//! SQLite: the texts that made the schema, as words, so that what was rebuilt under another quoting is the same.

use std::collections::BTreeMap;

use super::filter::Filter;
use super::normal::{elements, words};
use super::snapshot::Object;
use crate::connection::Connection;
use crate::error::DatabaseError;

/// Types of columns that the text may not tell (virtual tables) come from the pragma.
const QUESTION: &str = "\
SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite^_%' ESCAPE '^' \
UNION ALL SELECT 'column', x.name, s.name, x.name || ' ' || x.type || CASE x.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END \
    || COALESCE(' default ' || x.dflt_value, '') || CASE x.hidden WHEN 2 THEN ' generated virtual' WHEN 3 THEN ' generated stored' ELSE '' END \
    FROM sqlite_schema s, pragma_table_xinfo(s.name) x \
    WHERE s.type = 'table' AND s.sql LIKE 'create virtual%' AND x.hidden <> 1 \
ORDER BY 1 DESC";

pub(super) async fn objects(
    connection: &mut Connection,
    filter: &Filter,
) -> Result<Vec<Object>, DatabaseError> {
    let mut objects: BTreeMap<(String, String), Vec<(u8, String)>> = BTreeMap::new();
    for row in connection.rows(QUESTION).await? {
        let [Some(kind), Some(name), Some(table), Some(sql)] = <[_; 4]>::try_from(row).unwrap_or_default()
        else {
            continue;
        };
        if filter.hides(&table) || filter.hides(&name) {
            continue;
        }
        let (key, lines) = match kind.as_str() {
            "table" => (("table".to_owned(), name), elements(&sql)),
            "column" => (("table".to_owned(), table), vec![(1, sql)]),
            "view" => ((kind, name), vec![(0, words(&sql).join(" "))]),
            _ => ((kind, format!("{table}.{name}")), vec![(0, words(&sql).join(" "))]),
        };
        objects.entry(key).or_default().extend(lines);
    }
    Ok(objects.into_iter().map(|((kind, name), lines)| Object::of(kind, name, lines)).collect())
}
