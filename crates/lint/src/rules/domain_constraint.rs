//! A domain has or gets a constraint.

use bascule_sql::{Action, TypeChange, TypeDefinition};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "domain-constraint",
    dialects: POSTGRES,
    title: "a domain has or gets a constraint",
    reason: "A constraint on a domain is checked for every column of that type, in every table, while \
            nobody can write; and it can hardly be changed later.",
    safe: "Put a CHECK at the columns instead, or add it NOT VALID and validate it when nobody writes.",
    severity: "warning; a hint where the domain is made",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::AlterType {
            name,
            change:
                TypeChange::AddDomainConstraint { not_valid: false }
                | TypeChange::SetDomainNotNull
                | TypeChange::ValidateDomainConstraint,
        } => Some(Hit::warning(format!("all columns of the type {name} are checked, in whatever table"))),
        Action::CreateType { name, definition: TypeDefinition::Domain { constrained: true, .. } } => {
            Some(Hit::hint(format!("the constraint of {name} is hard to change once columns have the type")))
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
                ("ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE <> '')", Severity::Warning),
                ("CREATE DOMAIN d AS text CHECK (VALUE <> '')", Severity::Hint),
                ("ALTER DOMAIN d SET NOT NULL", Severity::Warning),
            ],
            &[
                "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE <> '') NOT VALID",
                "CREATE DOMAIN d AS text",
                "ALTER DOMAIN d DROP NOT NULL",
            ],
        );
    }
}
