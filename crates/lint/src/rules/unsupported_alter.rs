//! A change that SQLite does not know.

use bascule_sql::Action;

use crate::{
    rule::{Hit, Rule, SQLITE},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "unsupported-alter",
    dialects: SQLITE,
    title: "a change that SQLite does not know",
    reason: "SQLite changes no type, no NULL, no default and no constraint of a column that is there.",
    safe: "Make the table anew: new table, copy, drop, rename, indexes, triggers and views.",
    severity: "block",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| {
        let what = match action {
            Action::AlterColumnType { .. } | Action::ModifyColumn { .. } => "another type",
            Action::SetNotNull { .. } | Action::DropNotNull { .. } => "another NULL",
            Action::SetDefault { .. } | Action::DropDefault { .. } => "another default",
            Action::AddConstraint { .. }
            | Action::DropConstraint { .. }
            | Action::ValidateConstraint { .. } => "other constraints",
            Action::Truncate { .. } => "TRUNCATE (DELETE without a condition does the same)",
            _ => return None,
        };
        Some(Hit::block(format!("SQLite has no {what} for a table that is there")))
    };
    site.actions().filter_map(hit).take(1).collect()
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
                ("ALTER TABLE t ALTER COLUMN a TYPE text", Severity::Block),
                ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", Severity::Block),
                ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", Severity::Block),
                ("ALTER TABLE t ALTER a SET DEFAULT 5", Severity::Block),
            ],
            &["ALTER TABLE t ADD a", "ALTER TABLE t RENAME a TO b", "ALTER TABLE t DROP a"],
        );
    }
}
