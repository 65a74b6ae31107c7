//! A default goes while the former release may count on it.

use bascule_sql::{Action, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-default",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "a default goes while the former release may count on it",
    reason: "Rows that the former release writes without the column get NULL, or are refused.",
    safe: "Drop it in the contract.",
    severity: "warning while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::DropDefault { table, column } if site.former_uses(table) => {
            Some(Hit::warning(format!("the former release may leave {table}.{column} out")))
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
            &[("@expand ALTER TABLE t ALTER a DROP DEFAULT", Severity::Warning)],
            &[
                "ALTER TABLE t ALTER a DROP DEFAULT",
                "@expand ALTER TABLE t ALTER a SET DEFAULT 1",
                "@expand ALTER TABLE t ADD COLUMN b int; CREATE TABLE u (a int); ALTER TABLE u ALTER a DROP DEFAULT",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("@expand ALTER TABLE t ALTER a DROP DEFAULT", Severity::Warning)],
            &[],
        );
    }
}
