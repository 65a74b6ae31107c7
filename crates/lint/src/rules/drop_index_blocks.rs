//! An index is dropped while nobody can read or write.

use bascule_sql::{Action, Name};

use crate::{
    Live,
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-index-blocks",
    dialects: POSTGRES,
    title: "an index is dropped while nobody can read or write",
    reason: "DROP INDEX takes the table for itself alone. It is quick, but it waits for everybody who \
            reads, and everybody else waits behind it.",
    safe: "Write DROP INDEX CONCURRENTLY, one index a statement, outside of a transaction. An index of a \
            constraint goes with ALTER TABLE … DROP CONSTRAINT.",
    severity: "warning; nothing where the table is new or empty",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::DropIndex { indexes, concurrently: false, .. } = action else { return None };
        let is_used = |index: &Name| match site.history.index(index) {
            Some(made) => site.is_used(&made.table) && site.rows(&made.table) != Some(0),
            None => site.context.live != Live::Nobody,
        };
        if !indexes.iter().any(is_used) {
            return None;
        }
        let alone = indexes.len() == 1 && !site.in_own_transaction();
        let reason = "whoever reads or writes the table waits behind it";
        let instead = alone.then(|| site.with_word_behind("INDEX", "CONCURRENTLY")).flatten();
        Some(Hit::warning(reason).instead(instead))
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
            &[("DROP INDEX i", Severity::Warning), ("DROP INDEX IF EXISTS s.i, j", Severity::Warning)],
            &["DROP INDEX CONCURRENTLY i", "CREATE TABLE t (a int); CREATE INDEX i ON t (a); DROP INDEX i"],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[("DROP INDEX IF EXISTS i;", "DROP INDEX CONCURRENTLY IF EXISTS i;")],
        );
    }
}
