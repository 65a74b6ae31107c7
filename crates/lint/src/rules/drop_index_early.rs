//! An index goes while the former release may need it.

use bascule_sql::{Action, Name};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "drop-index-early",
    dialects: EVERY,
    title: "an index goes while the former release may need it",
    reason: "Queries of the former release that go by it read the whole table from then on, which can be an \
            outage; a unique index no longer keeps doubles out.",
    safe: "Drop it in the contract.",
    severity: "warning while the former release runs",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::DropIndex { indexes, table, .. } = action else { return None };
        let is_new = |index: &Name| {
            let known = table.as_ref().or_else(|| site.history.index(index).map(|made| &made.table));
            known.is_some_and(|table| site.is_new(table)) || is_made_anew(site, index)
        };
        let index = indexes.iter().find(|index| !is_new(index))?;
        site.former_runs().then(|| Hit::warning(format!("queries of the former release may go by {index}")))
    };
    site.actions().filter_map(hit).collect()
}

/// Another one under the same name, before or after.
fn is_made_anew(site: &Site<'_>, index: &Name) -> bool {
    site.earlier().chain(site.later()).flat_map(|read| &read.reading.actions).any(|action| match action {
        Action::CreateIndex(made) => {
            made.index.as_ref().is_some_and(|name| name.matches(index, site.dialect()))
        }
        _ => false,
    })
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
            &[("@expand DROP INDEX CONCURRENTLY i", Severity::Warning)],
            &["DROP INDEX i", "@contract DROP INDEX i", "@expand DROP INDEX i; CREATE INDEX i ON t (a)"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("@expand ALTER TABLE t DROP INDEX i", Severity::Warning)],
            &[],
        );
        testing::table(
            &RULE,
            Dialect::Sqlite,
            &[("@expand DROP INDEX i", Severity::Warning)],
            &["@expand CREATE TABLE t (a); CREATE INDEX i ON t (a); DROP INDEX i"],
        );
    }
}
