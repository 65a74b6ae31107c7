//! All rows of a table go at once.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "truncate",
    dialects: EVERY,
    title: "all rows of a table go at once",
    reason: "TRUNCATE, or DELETE without a condition, loses every row, of the tables that refer to it as \
            well with CASCADE; while the former release runs, it loses what that needs.",
    safe: "Empty the table in the contract, name every table that is meant instead of CASCADE, and delete \
            in batches with a backfill where the table is large.",
    severity: "block with CASCADE or while the former release runs, else a warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let (tables, cascade) = match action {
            Action::Truncate { tables, cascade } => (tables.as_slice(), *cascade),
            Action::Delete { table, filtered: false } => (std::slice::from_ref(table), false),
            _ => return None,
        };
        let table = tables.iter().find(|table| site.is_used(table) && site.rows(table) != Some(0))?;
        Some(if cascade {
            Hit::block(format!("the rows of every table that refers to {table} are lost as well"))
        } else if site.former_uses(table) {
            Hit::block(format!("the rows of {table} are lost while the former release runs"))
        } else {
            Hit::warning(format!("all rows of {table} are lost"))
        })
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
            Dialect::Postgres,
            &[
                ("TRUNCATE t CASCADE", Severity::Block),
                ("@expand TRUNCATE t", Severity::Block),
                ("@contract TRUNCATE t", Severity::Warning),
                ("TRUNCATE t", Severity::Warning),
                ("DELETE FROM t", Severity::Warning),
            ],
            &["CREATE TABLE t (a int); TRUNCATE t", "DELETE FROM t WHERE a", "TRUNCATE empty"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("@expand DELETE FROM t", Severity::Block)], &[]);
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("@contract DELETE FROM t", Severity::Warning)],
            &["DELETE FROM t LIMIT 5"],
        );
    }
}
