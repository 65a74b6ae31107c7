//! A new value of an enumeration is used in the transaction that adds it.

use bascule_sql::{Action, Control, TypeChange};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "enum-value-at-once",
    dialects: POSTGRES,
    title: "a new value of an enumeration is used in the transaction that adds it",
    reason: "PostgreSQL refuses it: unsafe use of new value. The value can be used when the transaction is \
            committed.",
    safe: "Take BEGIN and COMMIT out of the file: Bascule commits each statement.",
    severity: "block",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::AlterType { change: TypeChange::AddValue { value, .. }, .. } = action else {
            return None;
        };
        let literal = format!("'{}'", value.replace('\'', "''"));
        let open = site.in_own_transaction();
        let ended = |actions: &[Action]| matches!(actions.first(), Some(Action::Control(Control::Commit)));
        let used = site
            .later()
            .take_while(|read| !ended(&read.reading.actions))
            .any(|read| read.statement.text.contains(&literal));
        (open && used)
            .then(|| Hit::block(format!("{literal} cannot be used before the transaction is committed")))
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
            &[("BEGIN; ALTER TYPE t ADD VALUE 'b'; UPDATE u SET a = 'b' WHERE c; COMMIT", Severity::Block)],
            &[
                "ALTER TYPE t ADD VALUE 'b'; UPDATE u SET a = 'b' WHERE c",
                "BEGIN; ALTER TYPE t ADD VALUE 'b'; COMMIT; UPDATE u SET a = 'b' WHERE c",
            ],
        );
    }
}
