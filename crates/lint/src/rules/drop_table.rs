//! A table goes while the former release may use it.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-table",
    dialects: EVERY,
    title: "a table goes while the former release may use it",
    reason: "The former release fails from that moment on, and the rows are lost.",
    safe: "Drop it in the contract: there it is renamed first and dropped for good only later, so that \
            both can be taken back.",
    severity: "block while the former release runs; nothing where a table is made anew and takes over the \
            name",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::DropTable { tables, temporary: false, .. } => {
            let table = tables.iter().find(|table| site.former_uses(table) && !site.is_rebuilt(table))?;
            Some(Hit::block(format!("the former release may use {table}, and its rows are lost")))
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
            &[("@expand DROP TABLE t", Severity::Block)],
            &["DROP TABLE t", "@contract DROP TABLE t, u", "@expand CREATE TABLE t (a int); DROP TABLE t"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("@expand DROP TABLE IF EXISTS t", Severity::Block)],
            &["@expand DROP TEMPORARY TABLE t"],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("@expand DROP TABLE t", Severity::Block)],
            &[
                "@expand CREATE TABLE n (a); INSERT INTO n SELECT a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t",
            ],
        );
    }
}
