//! A column gets another name.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "rename-column",
    dialects: EVERY,
    title: "a column gets another name",
    reason: "The former release asks for the old name, and fails from that moment on; the new one cannot \
            start before. No order of the two is without errors.",
    safe: "Add the new column, keep both alike with a trigger, fill in the rows with a backfill, and drop \
            the old one in the contract, as the recipe `rename-column` does.",
    severity: "block while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let (table, column) = match action {
            Action::RenameColumn { table, column, .. } => (table, column),
            Action::ModifyColumn { table, column, to, .. } if !column.eq_ignore_ascii_case(&to.name) => {
                (table, column)
            }
            _ => return None,
        };
        site.former_uses(table).then(|| Hit::block(format!("the former release uses {table}.{column}")))
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
            &[("ALTER TABLE t RENAME COLUMN a TO b", Severity::Block)],
            &[
                "CREATE TABLE t (a int); ALTER TABLE t RENAME a TO b",
                "@contract ALTER TABLE t RENAME a TO b",
                "ALTER TABLE t RENAME CONSTRAINT a TO b",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("ALTER TABLE t CHANGE a b int", Severity::Block)],
            &["ALTER TABLE t CHANGE a a int"],
        );
        testing::table(&RULE, Dialect::Sqlite, &[("ALTER TABLE t RENAME a TO b", Severity::Block)], &[]);
    }
}
