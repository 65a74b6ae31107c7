//! A constraint is added and validated in one transaction.

use bascule_sql::{Action, Name};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "validate-in-transaction",
    dialects: POSTGRES,
    title: "a constraint is added and validated in one transaction",
    reason: "The lock that adding it took is held until the end, so that nobody can write while the rows \
            are checked: NOT VALID was of no use.",
    safe: "Take BEGIN and COMMIT out of the file: Bascule commits each statement.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let adds = |table: &Name, name: &str| {
        site.earlier().flat_map(|read| &read.reading.actions).any(|action| {
            matches!(action, Action::AddConstraint { table: one, constraint }
                if one.matches(table, site.dialect()) && constraint.name.as_deref() == Some(name))
        })
    };
    let hit = |action: &Action| match action {
        Action::ValidateConstraint { table, constraint }
            if site.in_own_transaction() && !site.is_new(table) && adds(table, constraint) =>
        {
            Some(Hit::warning(format!(
                "the lock on {table} that adding `{constraint}` took is held meanwhile"
            )))
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
            &[(
                "BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT",
                Severity::Warning,
            )],
            &[
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c",
                "BEGIN; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT",
            ],
        );
    }
}
