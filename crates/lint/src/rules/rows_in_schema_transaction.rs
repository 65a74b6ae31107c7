//! Rows are changed in the transaction that changes the schema.

use bascule_sql::{Action, Class, Dialect, LockMode};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "rows-in-schema-transaction",
    dialects: &[Dialect::Postgres, Dialect::Sqlite],
    title: "rows are changed in the transaction that changes the schema",
    reason: "The lock of the change of the schema is held until all rows are done.",
    safe: "Take BEGIN and COMMIT out, and make a backfill of the change of rows.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    if !site.in_own_transaction() {
        return Vec::new();
    }
    let table = site.actions().find_map(|action| match action {
        Action::Update { table, .. } | Action::Delete { table, .. } => Some(table),
        _ => None,
    });
    let locks = |read: &crate::site::Read<'_>| {
        read.effect.class != Class::Data
            && read
                .effect
                .locks
                .iter()
                .any(|lock| lock.mode >= LockMode::ShareRowExclusive && site.is_used(&lock.table))
    };
    match table {
        Some(table) if site.is_used(table) && site.earlier().any(locks) => {
            vec![Hit::warning("the lock of the change before is held until all rows are done")]
        }
        _ => Vec::new(),
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
            &[("BEGIN; ALTER TABLE t ADD a int; UPDATE t SET a = 1; COMMIT", Severity::Warning)],
            &["ALTER TABLE t ADD a int; UPDATE t SET a = 1", "BEGIN; UPDATE t SET a = 1; COMMIT"],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("BEGIN; ALTER TABLE t ADD a; UPDATE t SET a = 1; COMMIT", Severity::Warning)],
            &[],
        );
    }
}
