//! A foreign key copies the table while nobody can write.

use bascule_sql::{Action, ConstraintKind};

use crate::{
    Severity,
    rule::{Hit, MYSQL, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "foreign-key-copies",
    dialects: MYSQL,
    title: "a foreign key copies the table while nobody can write",
    reason: "With foreign_key_checks on, ADD FOREIGN KEY copies the table to check every row.",
    safe: "Do it at a time when nobody writes; or set foreign_key_checks=0 for the statement, which then \
            is done in place, and look for rows without their counterpart with a query in `-- check`.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let unchecked = site.earlier().flat_map(|read| &read.reading.actions).any(|action| {
        matches!(action, Action::Set(setting)
            if setting.name == "foreign_key_checks" && setting.value.as_deref() == Some("0"))
    });
    let hit = |action: &Action| {
        let Action::AddConstraint { table, constraint } = action else { return None };
        let ConstraintKind::ForeignKey { .. } = &constraint.kind else { return None };
        if unchecked {
            return None;
        }
        let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
        let rows = site.about_rows(table);
        Some(Hit::new(severity, format!("nobody can write to {table} while it is copied, {rows}")))
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
            Dialect::Mysql,
            &[
                ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)", Severity::Warning),
                ("ALTER TABLE large ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id)", Severity::Block),
            ],
            &[
                "SET foreign_key_checks = 0; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)",
                "CREATE TABLE t (a int); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)",
            ],
        );
    }
}
