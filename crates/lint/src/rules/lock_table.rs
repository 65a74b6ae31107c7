//! A table is locked by hand.

use bascule_sql::{Action, Blocks, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "lock-table",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "a table is locked by hand",
    reason: "Everybody else waits until the transaction ends, and everybody who comes waits behind them.",
    safe: "Leave it out: a statement takes the lock that it needs, for as long as it needs it.",
    severity: "block for a lock that keeps readers out, else a warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::Lock { tables, .. } = action else { return None };
        let table = tables.iter().find(|table| site.is_used(table))?;
        Some(match site.effect().blocks {
            Blocks::ReadsAndWrites => {
                Hit::block(format!("nobody can read or write {table} until the transaction ends"))
            }
            Blocks::Writes => Hit::warning(format!("nobody can write to {table} until the transaction ends")),
            Blocks::Nothing => return None,
        })
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
            &[("LOCK TABLE t", Severity::Block), ("LOCK TABLE t IN SHARE MODE", Severity::Warning)],
            &["LOCK TABLE t IN ROW EXCLUSIVE MODE", "CREATE TABLE t (a int); LOCK TABLE t"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("LOCK TABLES t WRITE", Severity::Block), ("LOCK TABLES t READ", Severity::Warning)],
            &["UNLOCK TABLES"],
        );
    }
}
