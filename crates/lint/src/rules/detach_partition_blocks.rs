//! A partition is taken off while nobody can read or write.

use bascule_sql::{Action, TableChange};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "detach-partition-blocks",
    dialects: POSTGRES,
    title: "a partition is taken off while nobody can read or write",
    reason: "DETACH PARTITION takes the whole partitioned table for itself alone.",
    safe: "Write DETACH PARTITION … CONCURRENTLY (PostgreSQL 14 and later), outside of a transaction.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::ChangeTable {
            table,
            change: TableChange::DetachPartition { concurrently: false, finalize: false, .. },
        } if site.is_used(table) => {
            let instead =
                (!site.in_own_transaction()).then(|| format!("{} CONCURRENTLY", site.statement().text));
            Some(Hit::warning(format!("whoever uses {table} waits behind it")).instead(instead))
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
            &[("ALTER TABLE t DETACH PARTITION p", Severity::Warning)],
            &["ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "ALTER TABLE t DETACH PARTITION p FINALIZE"],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[("ALTER TABLE t DETACH PARTITION p;", "ALTER TABLE t DETACH PARTITION p CONCURRENTLY;")],
        );
    }
}
