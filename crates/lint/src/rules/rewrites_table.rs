//! A table is written anew as a whole.

use bascule_sql::{Action, Dialect, Maintenance, TableChange};

use crate::{
    Live, Severity,
    rule::{EVERY, Hit, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "rewrites-table",
    dialects: EVERY,
    title: "a table is written anew as a whole",
    reason: "VACUUM FULL, CLUSTER, SET LOGGED, SET TABLESPACE and their like copy the table while nobody \
            can read or write; so does VACUUM with SQLite for the whole file.",
    safe: "Do it at a time when nobody needs the table; pg_repack does it while others go on. An OPTIMIZE \
            TABLE of InnoDB lets others go on, and takes room for a second table.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one or a whole database",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let tables = match action {
            Action::Maintain {
                maintenance: Maintenance::VacuumFull | Maintenance::Cluster | Maintenance::Optimize,
                tables,
            } => tables.clone(),
            Action::ChangeTable { table, change } if copies(change) && !site.is(Dialect::Mysql) => {
                vec![table.clone()]
            }
            _ => return None,
        };
        if site.context.live == Live::Nobody {
            return None;
        }
        let whole = if site.is(Dialect::Sqlite) { Severity::Warning } else { Severity::Block };
        let severity = match tables.as_slice() {
            [] => Some(whole),
            tables => {
                tables.iter().filter_map(|table| site.waiting(table, Cost::Build, Severity::Warning)).max()
            }
        };
        Some(Hit::new(severity?, "it is copied as a whole, and others wait"))
    };
    site.actions().filter_map(hit).collect()
}

fn copies(change: &TableChange) -> bool {
    matches!(
        change,
        TableChange::Logged
            | TableChange::Tablespace
            | TableChange::AccessMethod
            | TableChange::Expression { set: true }
    )
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
                ("VACUUM FULL t", Severity::Warning),
                ("VACUUM FULL", Severity::Block),
                ("CLUSTER large USING i", Severity::Block),
                ("ALTER TABLE t SET LOGGED", Severity::Warning),
            ],
            &["VACUUM t", "VACUUM (FULL) small", "CREATE TABLE t (a int); ALTER TABLE t SET UNLOGGED"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("OPTIMIZE TABLE t", Severity::Warning)],
            &["ANALYZE TABLE t"],
        );
        testing::table(&RULE, Dialect::Sqlite, &[("VACUUM", Severity::Warning)], &["ANALYZE"]);
    }
}
