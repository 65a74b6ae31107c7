//! A check is made of all rows while nobody can read or write.

use bascule_sql::{Action, ConstraintKind};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
    write::quoted,
};

pub(super) const RULE: Rule = Rule {
    name: "check-scans",
    dialects: POSTGRES,
    title: "a check is made of all rows while nobody can read or write",
    reason: "ADD CONSTRAINT … CHECK looks at every row with the table for itself alone.",
    safe: "Add it NOT VALID, which only concerns new rows, and run VALIDATE CONSTRAINT as a statement of \
            its own: others go on meanwhile.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AddConstraint { table, constraint } = action else { return None };
        let checks = matches!(constraint.kind, ConstraintKind::Check { .. } | ConstraintKind::NotNull { .. });
        if !checks || constraint.not_valid {
            return None;
        }
        let severity = site.waiting(table, Cost::Scan, Severity::Warning)?;
        let reason = format!("nobody can read or write {table} while {} is checked", site.about_rows(table));
        let instead = constraint.name.as_ref().filter(|_| site.is_alone());
        Some(Hit::new(severity, reason).instead(instead.map(|name| {
            let name = quoted(name, site.dialect());
            format!("{} NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name}", site.statement().text)
        })))
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
                ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", Severity::Warning),
                ("ALTER TABLE large ADD CHECK (a > 0)", Severity::Block),
            ],
            &[
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
                "ALTER TABLE small ADD CHECK (a > 0)",
                "CREATE TABLE t (a int CHECK (a > 0))",
                "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)",
            ],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[(
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);",
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;",
            )],
        );
    }
}
