//! A constraint is added while the former release may still break it.

use bascule_sql::{Action, ConstraintKind, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "constraint-before-switch",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "a constraint is added while the former release may still break it",
    reason: "From the moment that it is there, rows that the former release writes and that do not fit are \
            refused, also when the constraint is NOT VALID.",
    safe: "Add it in the contract, when the former release is gone; or make sure that the former release \
            writes nothing that it forbids, and say so in an allow comment.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AddConstraint { table, constraint } = action else { return None };
        let forbids = matches!(
            constraint.kind,
            ConstraintKind::Check { .. } | ConstraintKind::Exclude | ConstraintKind::NotNull { .. }
        );
        // What is not enforced forbids nothing.
        let enforced = !(site.is(Dialect::Mysql) && constraint.not_valid);
        (forbids && enforced && site.former_uses(table))
            .then(|| Hit::warning(format!("the former release may write to {table} what it forbids")))
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
            &[("@expand ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", Severity::Warning)],
            &[
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
                "@contract ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
                "@expand CREATE TABLE t (a int); ALTER TABLE t ADD CHECK (a > 0)",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("@expand ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", Severity::Warning)],
            &["@expand ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED"],
        );
    }
}
