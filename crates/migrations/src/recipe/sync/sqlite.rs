//! SQLite: triggers cannot change the row that is being written, so they write it once more afterwards. What they write fires the
//! update trigger again; it does nothing where one side already is what the other one gives, and so a conversion that loses
//! something (a name split at the first blank) is not applied to its own result.

use bascule_sql::Dialect;

use super::{Given, Sync};
use crate::recipe::name::quoted;

const DIALECT: Dialect = Dialect::Sqlite;

fn assign(given: &[Given]) -> String {
    let one = |(column, from): &Given| format!("{} = {}", quoted(column, DIALECT), from.sql("NEW.", DIALECT));
    given.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Compares bytes, whatever collation the column has.
fn changed(given: &[Given]) -> String {
    let one = |(column, _): &Given| {
        let column = quoted(column, DIALECT);
        format!("NEW.{column} COLLATE BINARY IS NOT OLD.{column}")
    };
    given.iter().map(one).collect::<Vec<_>>().join(" OR ")
}

/// Whether one of the columns is not what the other side gives.
fn differs(given: &[Given]) -> String {
    let one = |(column, from): &Given| {
        format!("NEW.{} COLLATE BINARY IS NOT ({})", quoted(column, DIALECT), from.sql("NEW.", DIALECT))
    };
    given.iter().map(one).collect::<Vec<_>>().join(" OR ")
}

pub(super) fn create(sync: &Sync<'_>) -> Vec<String> {
    let same = |column: &String| format!("{0} = NEW.{0}", quoted(column, DIALECT));
    let row = sync.key.iter().map(same).collect::<Vec<_>>().join(" AND ");
    let trigger = |what: &str, event: &str, body: &str| {
        let name = sync.table.beside(&sync.name(what));
        format!(
            "CREATE TRIGGER {name} AFTER {event} ON {} FOR EACH ROW\nBEGIN\n{body}END",
            quoted(sync.table.own(), DIALECT)
        )
    };
    // Within a trigger, tables are named without their schema.
    let update = |given: &[Given], only: &str| {
        format!(
            "  UPDATE {} SET {} WHERE {row} AND ({only});\n",
            quoted(sync.table.own(), DIALECT),
            assign(given)
        )
    };
    let empty = sync.empty("NEW.");
    let forward_differs = differs(&sync.forward);
    if sync.back.is_empty() {
        let body = update(&sync.forward, &forward_differs);
        return vec![trigger("insert", "INSERT", &body), trigger("update", "UPDATE", &body)];
    }
    let (by_new, by_former) = (changed(&sync.forward), changed(&sync.back));
    let insert = update(&sync.back, &format!("NOT ({empty})")) + &update(&sync.forward, &empty);
    let left = sync.left_behind("NEW.");
    let by_new_or_left = format!("(({by_new}) OR (NOT ({by_former}) AND {left}))");
    let update = update(&sync.back, &format!("{by_new_or_left} AND ({forward_differs})"))
        + &update(
            &sync.forward,
            &format!("NOT ({by_new}) AND ({by_former} OR ({empty})) AND ({})", differs(&sync.back)),
        );
    vec![trigger("insert", "INSERT", &insert), trigger("update", "UPDATE", &update)]
}

pub(super) fn remove(sync: &Sync<'_>) -> Vec<String> {
    ["insert", "update"].map(|what| format!("DROP TRIGGER {}", sync.table.beside(&sync.name(what)))).into()
}
