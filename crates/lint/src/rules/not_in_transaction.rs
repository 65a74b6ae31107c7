//! A statement stands in a transaction that may not.

use bascule_sql::{Action, Transactional};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "not-in-transaction",
    dialects: EVERY,
    title: "a statement stands in a transaction that may not",
    reason: "CREATE INDEX CONCURRENTLY, VACUUM, CREATE DATABASE and their like are refused by the server \
            within BEGIN … COMMIT.",
    safe: "Take BEGIN and COMMIT out of the file: Bascule runs each statement in the way that it can be \
            run.",
    severity: "block",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let refused = site.effect().transactional == Transactional::No
        && !site.actions().any(|action| matches!(action, Action::Set(_)))
        && site.in_own_transaction();
    if refused {
        vec![Hit::block("the server refuses it within the transaction that the file begins")]
    } else {
        Vec::new()
    }
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
                ("BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT", Severity::Block),
                ("BEGIN; VACUUM t; COMMIT", Severity::Block),
            ],
            &[
                "CREATE INDEX CONCURRENTLY i ON t (a)",
                "BEGIN; SELECT 1; COMMIT; VACUUM t",
                "BEGIN; CREATE INDEX i ON t (a); COMMIT",
            ],
        );
        testing::table(&RULE, Dialect::Sqlite, &[("BEGIN; VACUUM; COMMIT", Severity::Block)], &["VACUUM"]);
    }
}
