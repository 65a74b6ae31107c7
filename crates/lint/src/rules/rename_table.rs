//! A table gets another name.

use bascule_sql::{Action, Name};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "rename-table",
    dialects: EVERY,
    title: "a table gets another name",
    reason: "The former release asks for the old name, and fails from that moment on.",
    safe: "Rename it and leave a view with the old name in the same transaction, until the former release \
            is gone; or keep the name and change the code.",
    severity: "block while the former release runs; nothing where a table is made anew and takes over the \
            name, a warning where a view takes the old name",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let view = |table: &Name| {
        site.later().flat_map(|read| &read.reading.actions).any(
            |action| matches!(action, Action::CreateView { view, .. } if view.matches(table, site.dialect())),
        )
    };
    let hit = |action: &Action| {
        let Action::RenameTable { table, to } = action else { return None };
        if !site.former_uses(table) || site.is_rebuilt(to) {
            return None;
        }
        let again = site.later().flat_map(|read| &read.reading.actions).any(
            |action| matches!(action, Action::CreateTable(made) if made.table.matches(table, site.dialect())),
        );
        Some(match (view(table), again) {
            (true, _) => {
                Hit::warning(format!("the former release uses {table}; the view must take what it writes"))
            }
            (_, true) => Hit::warning(format!(
                "the former release uses {table}, which is not there until it is made anew"
            )),
            _ => Hit::block(format!("the former release uses {table}")),
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
                ("ALTER TABLE t RENAME TO u", Severity::Block),
                ("ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u", Severity::Warning),
            ],
            &["CREATE TABLE t (a int); ALTER TABLE t RENAME TO u", "@contract ALTER TABLE t RENAME TO u"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("RENAME TABLE t TO u", Severity::Block)], &[]);
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("ALTER TABLE t RENAME TO u", Severity::Block)],
            &["CREATE TABLE n (a); INSERT INTO n SELECT a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t"],
        );
    }
}
