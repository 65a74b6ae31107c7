//! An UPDATE sets a column twice.

use bascule_sql::{Action, Dialect};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "duplicate-assignment",
    dialects: EVERY,
    title: "an UPDATE sets a column twice",
    reason: "PostgreSQL refuses it; MySQL and SQLite take the last value and say nothing.",
    safe: "Set each column once.",
    severity: "block with PostgreSQL, else a warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::Update { columns, .. } = action else { return None };
        let twice = columns.iter().enumerate().find(|(at, column)| columns[..*at].contains(column))?;
        Some(if site.is(Dialect::Postgres) {
            Hit::block(format!("the server refuses to set `{}` twice", twice.1))
        } else {
            Hit::warning(format!("only the last value of `{}` counts", twice.1))
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
            &[("UPDATE t SET a = 1, b = 2, a = 3", Severity::Block)],
            &["UPDATE t SET a = 1, b = a"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("UPDATE t SET a = 1, a = 2 WHERE b", Severity::Warning)],
            &["UPDATE t JOIN u ON t.id = u.id SET t.a = 1"],
        );
        testing::table(&RULE, Dialect::Sqlite, &[("UPDATE t SET a = 1, a = 2", Severity::Warning)], &[]);
    }
}
