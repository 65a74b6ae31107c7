//! A value is added to an enumeration without a place.

use bascule_sql::{Action, TypeChange};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "enum-value-order",
    dialects: POSTGRES,
    title: "a value is added to an enumeration without a place",
    reason: "It becomes the last one, and the order of an enumeration is the order of its values; it cannot \
            be changed later.",
    safe: "Write BEFORE or AFTER, also where the end is meant.",
    severity: "a hint",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::AlterType { name, change: TypeChange::AddValue { value, placed: false, .. } } => {
            Some(Hit::hint(format!("'{value}' becomes the last value of {name}")))
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
            &[("ALTER TYPE t ADD VALUE 'b'", Severity::Hint)],
            &["ALTER TYPE t ADD VALUE 'b' AFTER 'a'", "ALTER TYPE t RENAME TO u"],
        );
    }
}
