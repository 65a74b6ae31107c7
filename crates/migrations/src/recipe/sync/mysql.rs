//! MySQL and MariaDB: a trigger before an insert and one before an update, so that they also satisfy `NOT NULL` of the other side.

use bascule_sql::Dialect;

use super::{Given, Sync};
use crate::recipe::name::quoted;

fn assign(given: &[Given], indent: &str) -> String {
    let one = |(column, from): &Given| {
        let column = quoted(column, Dialect::Mysql);
        format!("{indent}SET NEW.{column} = {};\n", from.sql("NEW.", Dialect::Mysql))
    };
    given.iter().map(one).collect()
}

/// Compares bytes: most collations here do not tell upper from lower case.
fn changed(given: &[Given]) -> String {
    let one = |(column, _): &Given| {
        let column = quoted(column, Dialect::Mysql);
        format!("NOT (CAST(NEW.{column} AS BINARY) <=> CAST(OLD.{column} AS BINARY))")
    };
    given.iter().map(one).collect::<Vec<_>>().join(" OR ")
}

pub(super) fn create(sync: &Sync<'_>) -> Vec<String> {
    let table = sync.table.sql();
    let trigger = |what: &str, event: &str, body: &str| {
        let name = sync.table.beside(&sync.name(what));
        format!("CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW\nBEGIN\n{body}END")
    };
    if sync.back.is_empty() {
        let body = assign(&sync.forward, "  ");
        return vec![trigger("insert", "INSERT", &body), trigger("update", "UPDATE", &body)];
    }
    let (forward, back) = (assign(&sync.forward, "    "), assign(&sync.back, "    "));
    let given = sync.empty("NEW.");
    vec![
        trigger("insert", "INSERT", &format!("  IF {given} THEN\n{forward}  ELSE\n{back}  END IF;\n")),
        trigger(
            "update",
            "UPDATE",
            &format!(
                "  IF {} THEN\n{back}  ELSEIF {} OR ({given}) THEN\n{forward}  ELSEIF {} THEN\n{back}  END IF;\n",
                changed(&sync.forward),
                changed(&sync.back),
                sync.left_behind("NEW."),
            ),
        ),
    ]
}

pub(super) fn remove(sync: &Sync<'_>) -> Vec<String> {
    ["insert", "update"].map(|what| format!("DROP TRIGGER {}", sync.table.beside(&sync.name(what)))).into()
}
