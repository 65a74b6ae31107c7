//! A column takes NULL that took none.

use bascule_sql::Action;

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-not-null",
    dialects: POSTGRES,
    title: "a column takes NULL that took none",
    reason: "The former release may not expect a NULL when it reads what the new one wrote.",
    safe: "Let the new release write NULL only when the former one is gone, or look at how the former one \
            reads the column.",
    severity: "warning while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::DropNotNull { table, column } if site.former_uses(table) && site.rows(table) != Some(0) => {
            Some(Hit::warning(format!("the former release may not expect NULL in {table}.{column}")))
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
            &[("ALTER TABLE t ALTER COLUMN a DROP NOT NULL", Severity::Warning)],
            &[
                "@contract ALTER TABLE t ALTER a DROP NOT NULL",
                "CREATE TABLE t (a int NOT NULL); ALTER TABLE t ALTER a DROP NOT NULL",
            ],
        );
    }
}
