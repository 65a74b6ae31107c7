//! A column goes that SQLite does not let go.

use bascule_sql::Action;

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-column-limits",
    dialects: SQLITE,
    title: "a column goes that SQLite does not let go",
    reason: "DROP COLUMN fails for a column that is in an index, a key, a check, a foreign key, a view or a \
            trigger.",
    safe: "Drop the index first, or make the table anew.",
    severity: "block where the set shows what holds it",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::DropColumn { table, column, .. } = action else { return None };
        if let Some(index) = site.history.index_on(table, column, site.dialect()) {
            let name = index.index.as_ref().map_or("an index", |name| name.written.as_str());
            return Some(Hit::block(format!("the server refuses it, since {name} goes by {table}.{column}")));
        }
        site.history
            .is_bound(table, column, site.dialect())
            .then(|| Hit::block(format!("the server refuses it, since {table}.{column} has a constraint")))
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
            &[
                (
                    "CREATE TABLE t (a, b); CREATE INDEX i ON t (b); ALTER TABLE t DROP COLUMN b",
                    Severity::Block,
                ),
                ("CREATE TABLE t (a, b UNIQUE); ALTER TABLE t DROP b", Severity::Block),
                ("CREATE TABLE t (a, b REFERENCES u (id)); ALTER TABLE t DROP b", Severity::Block),
            ],
            &[
                "CREATE TABLE t (a, b); ALTER TABLE t DROP b",
                "CREATE TABLE t (a, b); CREATE INDEX i ON t (b); DROP INDEX i; ALTER TABLE t DROP b",
                "ALTER TABLE t DROP b",
            ],
        );
    }
}
