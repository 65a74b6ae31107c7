//! A computed column is added to a table with rows.

use bascule_sql::{Action, Generated};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "stored-generated-column",
    dialects: POSTGRES,
    title: "a computed column is added to a table with rows",
    reason: "GENERATED ALWAYS AS … STORED is computed for every row: the table is written anew while nobody \
            can read or write.",
    safe: "Add a usual column, fill it for new rows with a trigger and for the others with a backfill. \
            PostgreSQL 18 computes VIRTUAL columns when they are read.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::AddColumn { table, column, .. } if column.generated == Some(Generated::Stored) => {
            let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
            let rows = site.about_rows(table);
            Some(Hit::new(
                severity,
                format!("{table} is written anew, {rows}, while nobody can read or write"),
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
                ("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (b * 2) STORED", Severity::Warning),
                ("ALTER TABLE large ADD a int GENERATED ALWAYS AS (b) STORED", Severity::Block),
            ],
            &[
                "ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (b) VIRTUAL",
                "CREATE TABLE t (b int, a int GENERATED ALWAYS AS (b) STORED)",
            ],
        );
    }
}
