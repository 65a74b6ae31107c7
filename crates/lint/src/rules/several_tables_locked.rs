//! One transaction locks several tables that are in use.

use bascule_sql::{LockMode, Name};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "several-tables-locked",
    dialects: POSTGRES,
    title: "one transaction locks several tables that are in use",
    reason: "It holds the first while it waits for the second; a reader who holds the second and wants the \
            first makes a deadlock, and everybody waits meanwhile.",
    safe: "Take BEGIN and COMMIT out of the file: Bascule commits each statement.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    if !site.in_own_transaction() {
        return Vec::new();
    }
    let locked = |effect: &bascule_sql::Effect| -> Vec<Name> {
        let strong = effect.locks.iter().filter(|lock| lock.mode >= LockMode::ShareRowExclusive);
        strong.map(|lock| lock.table.clone()).filter(|table| site.is_used(table)).collect()
    };
    let before: Vec<Name> = site.earlier().flat_map(|read| locked(&read.effect)).collect();
    let new = locked(site.effect())
        .into_iter()
        .find(|table| !before.iter().any(|one| one.matches(table, site.dialect())));
    match (before.first(), new) {
        (Some(first), Some(second)) => {
            vec![Hit::warning(format!("{first} is held while {second} is waited for"))]
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
            &[("BEGIN; ALTER TABLE t ADD a int; ALTER TABLE u ADD a int; COMMIT", Severity::Warning)],
            &[
                "ALTER TABLE t ADD a int; ALTER TABLE u ADD a int",
                "BEGIN; ALTER TABLE t ADD a int; ALTER TABLE t ADD b int; COMMIT",
            ],
        );
    }
}
