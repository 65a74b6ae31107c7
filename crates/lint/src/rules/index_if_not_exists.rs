//! An index that failed may be taken for one that is there.

use bascule_sql::Action;

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
    write::without_words,
};

pub(super) const RULE: Rule = Rule {
    name: "index-if-not-exists",
    dialects: POSTGRES,
    title: "an index that failed may be taken for one that is there",
    reason: "CREATE INDEX CONCURRENTLY that fails leaves an invalid index behind. IF NOT EXISTS finds it, \
            says nothing and does nothing: queries do without the index for good.",
    safe: "Leave IF NOT EXISTS out: Bascule knows from its journal and the catalog what is there, drops \
            an invalid index and builds it again.",
    severity: "warning",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::CreateIndex(index) if index.concurrently && index.if_not_exists => {
            let instead = without_words(&site.statement().text, "IF NOT EXISTS");
            Some(Hit::warning("an invalid index of that name would be taken for a good one").instead(instead))
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
            &[("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", Severity::Warning)],
            &["CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE TABLE IF NOT EXISTS t (a int)"],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[(
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);",
                "CREATE INDEX CONCURRENTLY i ON t (a);",
            )],
        );
    }
}
