//! An index is built anew while nobody can use the table.

use bascule_sql::Action;

use crate::{
    Live, Severity,
    rule::{Hit, POSTGRES, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "reindex-blocks",
    dialects: POSTGRES,
    title: "an index is built anew while nobody can use the table",
    reason: "REINDEX keeps writers out of the table, and readers out of the index, until it is done.",
    safe: "Write REINDEX … CONCURRENTLY. If it fails, an index whose name ends in _ccnew stays: drop it.",
    severity: "warning where the rows are not known; block for a large table or a whole database",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let Action::Reindex(reindex) = action else { return None };
        if reindex.concurrently || site.context.live == Live::Nobody {
            return None;
        }
        let severity = match (reindex.what.as_str(), &reindex.name) {
            ("TABLE", Some(table)) => site.waiting(table, Cost::Build, Severity::Warning)?,
            ("INDEX", _) => Severity::Warning,
            _ => Severity::Block,
        };
        let instead = site.with_word_behind(&reindex.what, "CONCURRENTLY");
        Some(Hit::new(severity, "nobody can write until the index is built anew").instead(instead))
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
                ("REINDEX INDEX i", Severity::Warning),
                ("REINDEX TABLE large", Severity::Block),
                ("REINDEX DATABASE d", Severity::Block),
            ],
            &["REINDEX TABLE CONCURRENTLY t", "REINDEX (CONCURRENTLY) INDEX i", "REINDEX TABLE small"],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(&RULE, Dialect::Postgres, &[("REINDEX TABLE t", "REINDEX TABLE CONCURRENTLY t")]);
    }
}
