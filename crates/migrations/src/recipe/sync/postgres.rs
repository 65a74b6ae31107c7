//! PostgreSQL: one function, one trigger before the row is written, so that it also satisfies `NOT NULL` of the other side.

use bascule_sql::Dialect;

use super::{Given, Sync};
use crate::recipe::name::quoted;

fn assign(given: &[Given], indent: &str) -> String {
    let one = |(column, from): &Given| {
        let column = quoted(column, Dialect::Postgres);
        format!("{indent}NEW.{column} := {};\n", from.sql("NEW.", Dialect::Postgres))
    };
    given.iter().map(one).collect()
}

/// Compares bytes, so that it works for every type and sees what a collation would not.
fn changed(given: &[Given]) -> String {
    let row = |before: &str| {
        let columns: Vec<_> = given
            .iter()
            .map(|(column, _)| format!("{before}.{}", quoted(column, Dialect::Postgres)))
            .collect();
        // Without the cast, the columns would be compared one by one, and their types have no such operator.
        format!("ROW({})::record", columns.join(", "))
    };
    format!("{} *<> {}", row("NEW"), row("OLD"))
}

pub(super) fn create(sync: &Sync<'_>) -> Vec<String> {
    let (name, table) = (sync.name("sync"), sync.table.sql());
    let function = sync.table.beside(&name);
    let body = if sync.back.is_empty() {
        assign(&sync.forward, "  ")
    } else {
        let (forward, back) = (assign(&sync.forward, "    "), assign(&sync.back, "    "));
        let given = sync.empty("NEW.");
        format!(
            "  IF TG_OP = 'INSERT' THEN\n    IF {given} THEN\n{}    ELSE\n{}    END IF;\n  ELSIF {} THEN\n{back}  ELSIF {} OR ({given}) THEN\n{forward}  ELSIF {} THEN\n{back}  END IF;\n",
            assign(&sync.forward, "      "),
            assign(&sync.back, "      "),
            changed(&sync.forward),
            changed(&sync.back),
            sync.left_behind("NEW."),
        )
    };
    vec![
        format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $bascule$\nBEGIN\n{body}  RETURN NEW;\nEND\n$bascule$"
        ),
        format!(
            "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON {table}\n  FOR EACH ROW EXECUTE FUNCTION {function}()",
            quoted(&name, Dialect::Postgres)
        ),
    ]
}

pub(super) fn remove(sync: &Sync<'_>) -> Vec<String> {
    let name = sync.name("sync");
    vec![
        format!("DROP TRIGGER {} ON {}", quoted(&name, Dialect::Postgres), sync.table.sql()),
        format!("DROP FUNCTION {}()", sync.table.beside(&name)),
    ]
}
