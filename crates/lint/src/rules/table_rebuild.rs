//! A table is made anew with foreign keys switched on.

use bascule_sql::Action;

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "table-rebuild",
    dialects: SQLITE,
    title: "a table is made anew with foreign keys switched on",
    reason: "With foreign_keys on, DROP TABLE deletes the rows that refer to it, or fails. PRAGMA \
            foreign_keys does nothing within a transaction.",
    safe: "Before the first statement: PRAGMA foreign_keys = OFF. Then make the new table, copy, drop the \
            old one, rename, make indexes, triggers and views again, and run PRAGMA foreign_key_check.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let off = site.earlier().flat_map(|read| &read.reading.actions).any(|action| {
        matches!(action, Action::Set(setting) if setting.name == "foreign_keys"
            && setting.value.as_deref().is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "off" | "0" | "false")))
    });
    let hit = |action: &Action| match action {
        Action::DropTable { tables, .. } if !off => {
            let table = tables.iter().find(|table| site.is_rebuilt(table) && !site.is_new(table))?;
            Some(Hit::warning(format!("rows that refer to {table} go with it where foreign keys are on")))
        }
        _ => None,
    };
    site.actions().filter_map(hit).collect()
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use super::RULE;
    use crate::{Severity, testing};

    #[test]
    fn it_is_found_where_it_hurts() {
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[(
                "CREATE TABLE n (a); INSERT INTO n SELECT a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t",
                Severity::Warning,
            )],
            &[
                "PRAGMA foreign_keys=OFF; CREATE TABLE n (a); DROP TABLE t; ALTER TABLE n RENAME TO t",
                "DROP TABLE t",
            ],
        );
    }
}
