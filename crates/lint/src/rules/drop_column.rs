//! A column goes while the former release may use it.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-column",
    dialects: EVERY,
    title: "a column goes while the former release may use it",
    reason: "The former release fails from that moment on, and the values are lost.",
    safe: "Drop it in the contract: there it is renamed first and dropped for good only later, so that \
            both can be taken back.",
    severity: "block while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::DropColumn { table, column, .. } if site.former_uses(table) => {
            Some(Hit::block(format!("the former release may use {table}.{column}, and its values are lost")))
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
            Dialect::Postgres,
            &[("@expand ALTER TABLE t DROP COLUMN a", Severity::Block)],
            &[
                "ALTER TABLE t DROP COLUMN a",
                "@contract ALTER TABLE t DROP a",
                "@expand CREATE TABLE t (a int, b int); ALTER TABLE t DROP a",
                "ALTER TABLE t DROP CONSTRAINT c",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("@expand ALTER TABLE t DROP a", Severity::Block)],
            &["ALTER TABLE t DROP INDEX a"],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("@expand ALTER TABLE t DROP COLUMN a", Severity::Block)],
            &[],
        );
    }
}
