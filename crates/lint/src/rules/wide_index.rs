//! An index goes by more than three columns.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "wide-index",
    dialects: EVERY,
    title: "an index goes by more than three columns",
    reason: "Every write has to keep it up, and the last columns seldom narrow anything down.",
    safe: "Leave out what the queries do not need; a partial index, or INCLUDE, is smaller.",
    severity: "a hint; nothing for a unique index",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit =
        |action: &Action| match action {
            Action::CreateIndex(index) if index.columns.len() > 3 && !index.unique => Some(Hit::hint(
                format!("every write of {} keeps {} columns in order", index.table, index.columns.len()),
            )),
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
            Dialect::Postgres,
            &[("CREATE INDEX CONCURRENTLY i ON t (a, b, c, d)", Severity::Hint)],
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a, b, c)",
                "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a, b, c, d)",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("ALTER TABLE t ADD INDEX (a, b, c, d)", Severity::Hint)],
            &[],
        );
        testing::table(&RULE, Dialect::Sqlite, &[("CREATE INDEX i ON t (a, b, c, d)", Severity::Hint)], &[]);
    }
}
