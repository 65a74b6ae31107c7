//! A unique index is built while others write.

use bascule_sql::{Action, ConstraintKind};

use crate::{
    Severity,
    rule::{Hit, MYSQL, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "unique-online",
    dialects: MYSQL,
    title: "a unique index is built while others write",
    reason: "Rows that are double for only a moment while the index is built make it fail in the end, with \
            a duplicate-key error.",
    safe: "Look for doubles with a query in `-- check` first, and try again if it fails.",
    severity: "a hint; nothing for a table that is new or small",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let table = match action {
            Action::CreateIndex(index) if index.unique => &index.table,
            Action::AddConstraint { table, constraint }
                if matches!(constraint.kind, ConstraintKind::Unique { .. }) =>
            {
                table
            }
            Action::AddColumn { table, column, .. } if column.unique => table,
            _ => return None,
        };
        site.waiting(table, Cost::Build, Severity::Hint)?;
        Some(Hit::hint("it fails if there is a double, even if only for a moment"))
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
                ("ALTER TABLE t ADD UNIQUE INDEX i (a)", Severity::Hint),
                ("CREATE UNIQUE INDEX i ON large (a)", Severity::Hint),
                ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", Severity::Hint),
            ],
            &["CREATE INDEX i ON t (a)", "CREATE UNIQUE INDEX i ON small (a)"],
        );
    }
}
