//! A column takes no NULL any more.

use bascule_sql::{Action, Name};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
    write::{joined, quoted},
};

pub(super) const RULE: Rule = Rule {
    name: "set-not-null",
    dialects: POSTGRES,
    title: "a column takes no NULL any more",
    reason: "Every row is looked at while nobody can read or write, about half a second for each million \
            rows; and the release that runs may still write NULL.",
    safe: "In the contract: add CHECK (c IS NOT NULL) NOT VALID, validate it in a statement of its own \
            (others go on meanwhile), then SET NOT NULL, which needs no look any more.",
    severity: "block while the former release runs; in the contract a warning where the rows are not known, \
            block for a large table, nothing where such a check is there",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::SetNotNull { table, column } = action else { return None };
        if site.former_uses(table) {
            return Some(Hit::block(format!("the former release may still write NULL to {table}.{column}")));
        }
        if site.history.checked_not_null(table, column, site.dialect()) {
            return None;
        }
        let severity = site.waiting(table, Cost::Scan, Severity::Warning)?;
        let rows = site.about_rows(table);
        let reason = format!("nobody can read or write {table} while {rows} is looked at");
        Some(Hit::new(severity, reason).instead(checked(site, table, column)))
    };
    site.actions().filter_map(hit).collect()
}

fn checked(site: &Site<'_>, table: &Name, column: &str) -> Option<String> {
    if !site.is_alone() {
        return None;
    }
    let name = quoted(&joined(table, column, "not_null"), site.dialect());
    let column = quoted(column, site.dialect());
    Some(format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID;\n\
         ALTER TABLE {table} VALIDATE CONSTRAINT {name};\n{}",
        site.statement().text
    ))
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
                ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", Severity::Warning),
                ("@expand ALTER TABLE t ALTER COLUMN a SET NOT NULL", Severity::Block),
                ("@contract ALTER TABLE large ALTER a SET NOT NULL", Severity::Block),
            ],
            &[
                "@contract ALTER TABLE small ALTER a SET NOT NULL",
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER a SET NOT NULL",
                "CREATE TABLE t (a int); ALTER TABLE t ALTER a SET NOT NULL",
            ],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[(
                "ALTER TABLE t ALTER a SET NOT NULL;",
                "ALTER TABLE t ADD CONSTRAINT t_a_not_null CHECK (a IS NOT NULL) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT t_a_not_null;\nALTER TABLE t ALTER a SET NOT NULL;",
            )],
        );
    }
}
