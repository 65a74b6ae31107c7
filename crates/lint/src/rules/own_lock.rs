//! The file takes a lock of the kind that migrators use.

use bascule_sql::{Action, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "own-lock",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "the file takes a lock of the kind that migrators use",
    reason: "Such a lock belongs to the session: it is lost when the connection is, it is not taken over a \
            pooler, and one that is waited for makes CREATE INDEX CONCURRENTLY a deadlock.",
    safe: "Leave it out: one runner at a time has the lease.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let locks = |call: &String| {
        call.starts_with("pg_advisory_") || call.starts_with("pg_try_advisory") || call == "get_lock"
    };
    let hit = |action: &Action| match action {
        Action::Select { calls } if calls.iter().any(locks) => {
            Some(Hit::warning("the lock belongs to the session alone"))
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
                ("SELECT pg_advisory_lock(5)", Severity::Warning),
                ("SELECT pg_try_advisory_xact_lock(5)", Severity::Warning),
            ],
            &["SELECT 1"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("SELECT GET_LOCK('x', 5)", Severity::Warning)], &[]);
    }
}
