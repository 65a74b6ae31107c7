//! The way back is written and empty.

use bascule_migrations::Phase;
use bascule_sql::Class;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "empty-down",
    dialects: EVERY,
    title: "the way back is written and empty",
    reason: "A down side that does nothing says that the migration can be reverted, and leaves the schema \
            as it is.",
    safe: "Write what takes the expand back, or leave the down side out: then the plan says that there is \
            no way back.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let changes = site.all.iter().any(|read| {
        matches!(read.effect.class, Class::Expand | Class::Contract | Class::Destructive)
            && read.phase != Phase::Backfill
    });
    let empty = site.migration.down.as_ref().is_some_and(Vec::is_empty);
    if site.is_first() && empty && changes {
        vec![Hit::warning("its down side takes nothing back")]
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
            &[("#no-down# CREATE TABLE t (a int); CREATE TABLE u (a int)", Severity::Warning)],
            &["CREATE TABLE t (a int)", "#no-down# INSERT INTO t VALUES (1)"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("#no-down# ALTER TABLE t ADD a int", Severity::Warning)],
            &[],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("#no-down# ALTER TABLE t ADD a int", Severity::Warning)],
            &[],
        );
    }
}
