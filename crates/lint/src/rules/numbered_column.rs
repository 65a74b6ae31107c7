//! A column that numbers rows is added to a table with rows.

use bascule_sql::Action;

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "numbered-column",
    dialects: POSTGRES,
    title: "a column that numbers rows is added to a table with rows",
    reason: "serial and GENERATED … AS IDENTITY give every row that is there a number: the table is written \
            anew while nobody can read or write.",
    safe: "Add a bigint column, make a sequence and set the default to its next value, fill in the rows \
            with a backfill, and add the key by an index that was built concurrently.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::AddColumn { table, column, .. } if column.identity || column.auto_increment => {
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
                ("ALTER TABLE t ADD COLUMN a bigserial", Severity::Warning),
                ("ALTER TABLE large ADD COLUMN a bigint GENERATED ALWAYS AS IDENTITY", Severity::Block),
            ],
            &[
                "CREATE TABLE t (a bigserial)",
                "ALTER TABLE t ADD COLUMN a bigint",
                "ALTER TABLE empty ADD COLUMN a serial",
            ],
        );
    }
}
