//! A foreign key is checked for all rows while nobody can write.

use bascule_sql::{Action, ConstraintKind};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
    write::quoted,
};

pub(super) const RULE: Rule = Rule {
    name: "foreign-key-scans",
    dialects: POSTGRES,
    title: "a foreign key is checked for all rows while nobody can write",
    reason: "ADD FOREIGN KEY keeps writers out of both tables while every row is looked up in the other \
            one.",
    safe: "Add it NOT VALID, which only concerns new rows, and run VALIDATE CONSTRAINT as a statement of \
            its own: others go on meanwhile.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AddConstraint { table, constraint } = action else { return None };
        let ConstraintKind::ForeignKey { references, .. } = &constraint.kind else { return None };
        if constraint.not_valid {
            return None;
        }
        let severity = site.waiting(table, Cost::Scan, Severity::Warning)?;
        let rows = site.about_rows(table);
        let reason = format!("nobody can write to {table} or {references} while {rows} is checked");
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
                ("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id)", Severity::Warning),
                ("ALTER TABLE large ADD FOREIGN KEY (a) REFERENCES u", Severity::Block),
            ],
            &[
                "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id) NOT VALID",
                "CREATE TABLE t (a int); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u",
                "ALTER TABLE t ADD COLUMN a int REFERENCES u (id)",
            ],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[(
                "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id);",
                "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;",
            )],
        );
    }
}
