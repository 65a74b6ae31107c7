//! The rows of a view are made anew while nobody can read them.

use bascule_sql::{Action, Name};

use crate::{
    Live,
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "refresh-view-blocks",
    dialects: POSTGRES,
    title: "the rows of a view are made anew while nobody can read them",
    reason: "REFRESH MATERIALIZED VIEW keeps readers out until the query has run.",
    safe: "Write REFRESH MATERIALIZED VIEW CONCURRENTLY; the view needs a unique index for that.",
    severity: "warning; nothing for a view that the same migration makes",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let made = |view: &Name| {
        site.earlier().flat_map(|read| &read.reading.actions).any(
            |action| matches!(action, Action::CreateView { view: made, .. } if made.matches(view, site.dialect())),
        )
    };
    let hit = |action: &Action| match action {
        Action::RefreshView { view, concurrently: false }
            if site.context.live != Live::Nobody && !made(view) =>
        {
            let instead = site.with_word_behind("VIEW", "CONCURRENTLY");
            Some(Hit::warning(format!("nobody can read {view} until its query has run")).instead(instead))
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
            &[("REFRESH MATERIALIZED VIEW v", Severity::Warning)],
            &[
                "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
                "CREATE MATERIALIZED VIEW v AS SELECT 1; REFRESH MATERIALIZED VIEW v",
            ],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Postgres,
            &[("REFRESH MATERIALIZED VIEW v;", "REFRESH MATERIALIZED VIEW CONCURRENTLY v;")],
        );
    }
}
