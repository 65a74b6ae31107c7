//! A unique constraint builds its index while nobody can read or write.

use bascule_sql::{Action, ConstraintKind, Name};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
    write::quoted,
};

pub(super) const RULE: Rule = Rule {
    name: "unique-builds-index",
    dialects: POSTGRES,
    title: "a unique constraint builds its index while nobody can read or write",
    reason: "ADD CONSTRAINT … UNIQUE builds an index with the table for itself alone.",
    safe: "Build it with CREATE UNIQUE INDEX CONCURRENTLY, then take it over with ADD CONSTRAINT … UNIQUE \
            USING INDEX, which takes a moment.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let (table, instead) = match action {
            Action::AddConstraint { table, constraint } if constraint.using_index.is_none() => {
                match &constraint.kind {
                    ConstraintKind::Unique { columns } => {
                        (table, using_index(site, table, constraint.name.as_deref(), columns))
                    }
                    _ => return None,
                }
            }
            Action::AddColumn { table, column, .. } if column.unique => (table, None),
            _ => return None,
        };
        let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
        let reason = format!(
            "nobody can read or write {table} until the index is built over {}",
            site.about_rows(table)
        );
        Some(Hit::new(severity, reason).instead(instead))
    };
    site.actions().filter_map(hit).collect()
}

fn using_index(site: &Site<'_>, table: &Name, name: Option<&str>, columns: &[String]) -> Option<String> {
    let plain = columns.len() == 1 || !site.statement().text.to_ascii_lowercase().contains("nulls");
    if !site.is_alone() || !plain {
        return None;
    }
    let name = quoted(name?, site.dialect());
    let columns: Vec<String> = columns.iter().map(|column| quoted(column, site.dialect())).collect();
    Some(format!(
        "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({});\n\
         ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}",
        columns.join(", ")
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
                ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", Severity::Warning),
                ("ALTER TABLE large ADD UNIQUE (a)", Severity::Block),
                ("ALTER TABLE t ADD COLUMN a text UNIQUE", Severity::Warning),
            ],
            &[
                "ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i",
                "ALTER TABLE small ADD UNIQUE (a)",
                "CREATE TABLE t (a int UNIQUE)",
            ],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[(
                "ALTER TABLE s.t ADD CONSTRAINT \"C\" UNIQUE (a, b);",
                "CREATE UNIQUE INDEX CONCURRENTLY \"C\" ON s.t (a, b);\nALTER TABLE s.t ADD CONSTRAINT \"C\" UNIQUE USING INDEX \"C\";",
            )],
        );
    }
}
