//! A change copies the table while nobody can write.

use bascule_sql::{Action, Blocks, ConstraintKind, Rewrite};

use crate::{
    Severity,
    rule::{Hit, MYSQL, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "copies-table",
    dialects: MYSQL,
    title: "a change copies the table while nobody can write",
    reason: "A stored generated column, AUTO_INCREMENT on a table that is there, a default that is an \
            expression, another character set, a check, a new or dropped primary key and partitioning all \
            copy the table.",
    safe: "Use gh-ost or pt-online-schema-change for a large table; a new column beside the old one, with \
            triggers and a backfill, does without a copy.",
    severity: "warning where the rows are not known; nothing for a table that is new or small, block for a \
            large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let effect = site.effect();
    let others = |action: &Action| {
        let foreign = matches!(action, Action::AddConstraint { constraint, .. }
            if matches!(constraint.kind, ConstraintKind::ForeignKey { .. }));
        foreign || matches!(action, Action::ModifyColumn { .. } | Action::Maintain { .. })
    };
    // What is asked for, and what has a rule of its own.
    if site.reading().algorithm.is_some() || site.reading().lock.is_some() || site.actions().any(others) {
        return Vec::new();
    }
    let Some(table) = effect.touches.first() else { return Vec::new() };
    let unknown = match (effect.rewrite, effect.blocks) {
        (Rewrite::Yes, Blocks::Writes | Blocks::ReadsAndWrites) => Severity::Warning,
        (Rewrite::Unknown, Blocks::Writes) => Severity::Hint,
        _ => return Vec::new(),
    };
    let severity = site.waiting(table, Cost::Build, unknown);
    let reason = format!("nobody can write to {table} while it is copied, {}", site.about_rows(table));
    severity.map(|severity| Hit::new(severity, reason)).into_iter().collect()
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
            Dialect::Mysql,
            &[
                ("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", Severity::Warning),
                ("ALTER TABLE large ADD a int AS (b) STORED", Severity::Block),
                ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", Severity::Warning),
                ("ALTER TABLE t DROP PRIMARY KEY", Severity::Warning),
                ("ALTER TABLE t ADD a char(36) DEFAULT (uuid())", Severity::Warning),
            ],
            &[
                "ALTER TABLE t ADD a int",
                "ALTER TABLE small CONVERT TO CHARACTER SET utf8mb4",
                "CREATE TABLE t (a int); ALTER TABLE t DROP PRIMARY KEY",
                "CREATE INDEX i ON t (a)",
            ],
        );
    }
}
