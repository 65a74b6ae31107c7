//! An exclusion constraint is added to a table with rows.

use bascule_sql::{Action, ConstraintKind};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "exclusion-constraint",
    dialects: POSTGRES,
    title: "an exclusion constraint is added to a table with rows",
    reason: "It builds an index with the table for itself alone, and it can neither be NOT VALID nor take \
            over an index.",
    safe: "Make a new table with the constraint and move to it, or add it at a time when nobody needs the \
            table.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::AddConstraint { table, constraint } if matches!(constraint.kind, ConstraintKind::Exclude) => {
            let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
            let rows = site.about_rows(table);
            Some(Hit::new(
                severity,
                format!("nobody can read or write {table} until the index is built over {rows}"),
            ))
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
            &[
                ("ALTER TABLE t ADD CONSTRAINT c EXCLUDE USING gist (r WITH &&)", Severity::Warning),
                ("ALTER TABLE large ADD EXCLUDE USING gist (r WITH &&)", Severity::Block),
            ],
            &[
                "CREATE TABLE t (r int4range, EXCLUDE USING gist (r WITH &&))",
                "ALTER TABLE small ADD EXCLUDE USING gist (r WITH &&)",
            ],
        );
    }
}
