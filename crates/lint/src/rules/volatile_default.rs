//! A new column has another value for each row.

use bascule_sql::{Action, DefaultValue};

use crate::{
    Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "volatile-default",
    dialects: POSTGRES,
    title: "a new column has another value for each row",
    reason: "A default such as random(), gen_random_uuid() or nextval() is computed for every row that is \
            there: the table is written anew while nobody can read or write, some five seconds for each \
            million rows.",
    safe: "Add the column without a default, set the default in a second statement (only new rows get \
            it), and fill in the others with a backfill.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one; a hint for a function that is not known",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AddColumn { table, column, .. } = action else { return None };
        match column.default {
            Some(DefaultValue::Volatile { .. }) => {
                let severity = site.waiting(table, Cost::Build, Severity::Warning)?;
                let rows = site.about_rows(table);
                Some(Hit::new(
                    severity,
                    format!("{table} is written anew, {rows}, while nobody can read or write"),
                ))
            }
            Some(DefaultValue::Unknown { .. }) => {
                site.waiting(table, Cost::Build, Severity::Hint)?;
                Some(Hit::hint(format!("{table} is written anew if the function of the default is volatile")))
            }
            _ => None,
        }
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
                ("ALTER TABLE t ADD COLUMN a uuid DEFAULT gen_random_uuid()", Severity::Warning),
                ("ALTER TABLE large ADD COLUMN a float NOT NULL DEFAULT random()", Severity::Block),
                ("ALTER TABLE t ADD COLUMN a int DEFAULT own_function()", Severity::Hint),
            ],
            &[
                "ALTER TABLE t ADD COLUMN a timestamptz NOT NULL DEFAULT now()",
                "ALTER TABLE t ADD COLUMN a int DEFAULT 5",
                "ALTER TABLE small ADD COLUMN a uuid DEFAULT gen_random_uuid()",
                "CREATE TABLE t (a uuid DEFAULT gen_random_uuid())",
                "ALTER TABLE t ALTER COLUMN a SET DEFAULT gen_random_uuid()",
            ],
        );
    }
}
