//! A view takes all columns of a table.

use bascule_sql::Action;

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "star-view",
    dialects: EVERY,
    title: "a view takes all columns of a table",
    reason: "The star is replaced by the columns of that moment: columns that come later are not in it, and \
            one that should go or change cannot without the view.",
    safe: "Name the columns.",
    severity: "a hint",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::CreateView { view, star: true, .. } => {
            Some(Hit::hint(format!("{view} keeps the columns of this moment")))
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
            &[("CREATE VIEW v AS SELECT * FROM t", Severity::Hint)],
            &["CREATE VIEW v AS SELECT a, count(*) FROM t GROUP BY a"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("CREATE VIEW v AS SELECT t.* FROM t", Severity::Hint)], &[]);
        testing::table(&RULE, Dialect::Sqlite, &[("CREATE VIEW v AS SELECT * FROM t", Severity::Hint)], &[]);
    }
}
