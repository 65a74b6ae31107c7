//! A primary key builds its index while nobody can read or write.

use bascule_sql::{Action, ConstraintKind};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "primary-key-builds-index",
    dialects: POSTGRES,
    title: "a primary key builds its index while nobody can read or write",
    reason: "ADD PRIMARY KEY builds an index, and looks at every row for NULL, with the table for itself \
            alone.",
    safe: "Build a unique index with CREATE UNIQUE INDEX CONCURRENTLY, make the columns NOT NULL by way \
            of a check, then ADD CONSTRAINT … PRIMARY KEY USING INDEX.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let table = match action {
            Action::AddConstraint { table, constraint }
                if constraint.using_index.is_none()
                    && matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }) =>
            {
                table
            }
            Action::AddColumn { table, column, .. } if column.primary_key => table,
            _ => return None,
        };
        let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
        let reason = format!(
            "nobody can read or write {table} until the index is built over {}",
            site.about_rows(table)
        );
        Some(Hit::new(severity, reason))
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
                ("ALTER TABLE t ADD PRIMARY KEY (a)", Severity::Warning),
                ("ALTER TABLE large ADD CONSTRAINT c PRIMARY KEY (a)", Severity::Block),
            ],
            &[
                "ALTER TABLE t ADD CONSTRAINT c PRIMARY KEY USING INDEX i",
                "CREATE TABLE t (a int); ALTER TABLE t ADD PRIMARY KEY (a)",
            ],
        );
    }
}
