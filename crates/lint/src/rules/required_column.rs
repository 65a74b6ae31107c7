//! A new column has to be given a value, and has no default.

use bascule_sql::{Action, DefaultValue, Dialect};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "required-column",
    dialects: EVERY,
    title: "a new column has to be given a value, and has no default",
    reason: "The release that runs does not know the column and leaves it out: its INSERTs fail. With rows \
            in the table, PostgreSQL and SQLite refuse the statement itself.",
    safe: "Add it with a constant default, or let it take NULL until the contract: expand adds it, a \
            backfill fills it in, the contract sets NOT NULL.",
    severity: "block while the former release runs; a warning in the contract, where the table may have rows",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AddColumn { table, column, .. } = action else { return None };
        let filled = matches!(
            column.default,
            Some(
                DefaultValue::Constant { .. } | DefaultValue::Volatile { .. } | DefaultValue::Unknown { .. }
            )
        ) || column.generated.is_some()
            || column.identity
            || column.auto_increment;
        let serves = column.primary_key && site.is(Dialect::Sqlite);
        if filled || serves || !(column.not_null || column.primary_key) || site.is_new(table) {
            return None;
        }
        if site.former_uses(table) {
            return Some(Hit::block(format!(
                "rows that the former release writes to {table} have no `{}`",
                column.name
            )));
        }
        let refused = !site.is(Dialect::Mysql) && site.rows(table) != Some(0) && site.is_used(table);
        refused.then(|| Hit::warning(format!("the server refuses it where {table} has rows")))
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
                ("ALTER TABLE t ADD COLUMN a int NOT NULL", Severity::Block),
                ("@contract ALTER TABLE t ADD COLUMN a int NOT NULL", Severity::Warning),
                ("ALTER TABLE t ADD a uuid PRIMARY KEY", Severity::Block),
                ("ALTER TABLE t ADD a int NOT NULL DEFAULT NULL", Severity::Block),
            ],
            &[
                "ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0",
                "ALTER TABLE t ADD COLUMN a int",
                "ALTER TABLE t ADD COLUMN a bigserial NOT NULL",
                "CREATE TABLE t (b int); ALTER TABLE t ADD COLUMN a int NOT NULL",
                "@contract ALTER TABLE empty ADD COLUMN a int NOT NULL",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("ALTER TABLE t ADD a int NOT NULL", Severity::Block)],
            &["@contract ALTER TABLE t ADD a int NOT NULL"],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("ALTER TABLE t ADD a TEXT NOT NULL", Severity::Block)],
            &["ALTER TABLE t ADD a TEXT NOT NULL DEFAULT ''"],
        );
    }
}
