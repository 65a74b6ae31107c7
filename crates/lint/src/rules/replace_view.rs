//! A view that is in use is replaced.

use bascule_sql::{Action, Dialect, Name};

use crate::{
    Severity,
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "replace-view",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "a view that is in use is replaced",
    reason: "The former release reads the view as well. PostgreSQL refuses it if a column would go or \
            change; MySQL does it.",
    safe: "Keep every column that was there, in its order, with its type; add new ones at the end.",
    severity: "a hint with PostgreSQL, a warning with MySQL",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let made = |view: &Name| {
        site.earlier().flat_map(|read| &read.reading.actions).any(
            |action| matches!(action, Action::CreateView { view: made, .. } if made.matches(view, site.dialect())),
        )
    };
    let hit = |action: &Action| match action {
        Action::CreateView { view, or_replace: true, .. } if site.former_runs() && !made(view) => {
            let severity = if site.is(Dialect::Mysql) { Severity::Warning } else { Severity::Hint };
            Some(Hit::new(severity, format!("the former release reads {view} as well")))
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
            &[("CREATE OR REPLACE VIEW v AS SELECT 1", Severity::Hint)],
            &["CREATE VIEW v AS SELECT 1", "@contract CREATE OR REPLACE VIEW v AS SELECT 1"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("CREATE OR REPLACE VIEW v AS SELECT 1", Severity::Warning)],
            &[],
        );
    }
}
