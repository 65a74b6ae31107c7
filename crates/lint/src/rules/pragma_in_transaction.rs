//! A PRAGMA stands in a transaction, where it does nothing.

use bascule_sql::{Action, Transactional};

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "pragma-in-transaction",
    dialects: SQLITE,
    title: "a PRAGMA stands in a transaction, where it does nothing",
    reason: "PRAGMA foreign_keys and journal_mode are ignored or refused within BEGIN … COMMIT: the file \
            believes that it is off, and DROP TABLE deletes.",
    safe: "Put it before BEGIN.",
    severity: "block",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::Set(setting)
            if site.effect().transactional == Transactional::No
                && setting.pragma
                && site.in_own_transaction() =>
        {
            Some(Hit::block(format!("`{}` stays what it is within a transaction", setting.name)))
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
            Dialect::Sqlite,
            &[("BEGIN; PRAGMA foreign_keys = OFF; COMMIT", Severity::Block)],
            &["PRAGMA foreign_keys = OFF; BEGIN; COMMIT", "BEGIN; PRAGMA foreign_key_check; COMMIT"],
        );
    }
}
