//! Rows are changed or deleted in one statement.

use bascule_migrations::Phase;
use bascule_sql::Action;

use crate::{
    Severity,
    rule::{EVERY, Hit, Rule},
    site::{Cost, Site},
};

pub(super) const RULE: Rule = Rule {
    name: "unbatched-change",
    dialects: EVERY,
    title: "rows are changed or deleted in one statement",
    reason: "Every row that it changes is locked until the end; writers of those rows wait, replicas fall \
            behind, and a crash begins it anew. With SQLite nobody else can write meanwhile.",
    safe: "Make a backfill of it (`-- backfill table=… key=…`): it goes in batches of a moment each, can \
            be stopped, and goes on where it was.",
    severity: "a hint with a condition, a warning without; nothing for a table that is new or small, a step \
            more for a large one",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    if site.phase() == Phase::Backfill {
        return Vec::new();
    }
    let hit = |action: &Action| {
        let (table, filtered) = match action {
            Action::Update { table, filtered, .. } => (table, *filtered),
            Action::Delete { table, filtered: true } => (table, true),
            _ => return None,
        };
        let severity = match site.waiting(table, Cost::Build, Severity::Hint)? {
            Severity::Block if filtered => Severity::Warning,
            Severity::Hint if !filtered => Severity::Warning,
            severity => severity,
        };
        let rows = site.about_rows(table);
        let reason = if filtered {
            format!("the rows of {table} that it meets are locked until its end")
        } else {
            format!("{table} is locked, {rows}, until its end")
        };
        Some(Hit::new(severity, reason))
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
                ("UPDATE t SET a = 1", Severity::Warning),
                ("UPDATE t SET a = 1 WHERE b", Severity::Hint),
                ("UPDATE large SET a = 1", Severity::Block),
                ("DELETE FROM large WHERE a", Severity::Warning),
            ],
            &[
                "UPDATE small SET a = 1",
                "@backfill UPDATE t SET a = 1",
                "CREATE TABLE t (a int); UPDATE t SET a = 1",
                "INSERT INTO t VALUES (1)",
            ],
        );
        testing::table(&RULE, Dialect::Mysql, &[("UPDATE t SET a = 1", Severity::Warning)], &[]);
        testing::table(&RULE, Dialect::Sqlite, &[("UPDATE t SET a = 1", Severity::Warning)], &[]);
    }
}
