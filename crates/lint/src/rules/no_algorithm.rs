//! A change of a table does not say how it may be done.

use bascule_sql::{Action, Span};

use crate::{
    Severity,
    rule::{Hit, MYSQL, Rule},
    site::{Cost, Site, find_word},
};

pub(super) const RULE: Rule = Rule {
    name: "no-algorithm",
    dialects: MYSQL,
    title: "a change of a table does not say how it may be done",
    reason: "Where MySQL cannot do a change in place it copies the table and keeps writers out, without a \
            word.",
    safe: "Add ALGORITHM=INSTANT, or ALGORITHM=INPLACE, LOCK=NONE: the server then refuses what it would \
            have to copy.",
    severity: "a hint; a warning for a large table, nothing for one that is new or small",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let reading = site.reading();
    if reading.algorithm.is_some() || reading.lock.is_some() || site.is_mixed() {
        return Vec::new();
    }
    let Some(table) = site.effect().touches.first() else { return Vec::new() };
    let (Some(severity), Some(clause)) = (site.waiting(table, Cost::Build, Severity::Hint), clause(site))
    else {
        return Vec::new();
    };
    let reason = format!("{table} may be copied while nobody can write to it");
    let instead = format!("{}{clause}", site.statement().text);
    vec![Hit::new(severity.min(Severity::Warning), reason).instead(instead)]
}

/// What can be asked for: all parts have to be of one kind.
fn clause(site: &Site<'_>) -> Option<&'static str> {
    let instant = |action: &Action| match action {
        Action::AddColumn { .. } => site.effect().span == Span::Moment,
        Action::DropColumn { .. }
        | Action::RenameColumn { .. }
        | Action::SetDefault { .. }
        | Action::DropDefault { .. } => true,
        _ => false,
    };
    let in_place = |action: &Action| match action {
        Action::CreateIndex(index) => !matches!(index.method.as_deref(), Some("fulltext" | "spatial")),
        Action::DropIndex { .. } => true,
        _ => false,
    };
    if site.actions().all(instant) {
        return Some(", ALGORITHM=INSTANT");
    }
    if !site.actions().all(in_place) {
        return None;
    }
    // `CREATE INDEX` and `DROP INDEX` write it without commas.
    let alters = find_word(&site.statement().text, "ALTER") == Some(0);
    Some(if alters { ", ALGORITHM=INPLACE, LOCK=NONE" } else { " ALGORITHM=INPLACE LOCK=NONE" })
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
                ("ALTER TABLE t ADD COLUMN a int", Severity::Hint),
                ("ALTER TABLE large ADD COLUMN a int", Severity::Warning),
                ("CREATE INDEX i ON t (a)", Severity::Hint),
            ],
            &[
                "ALTER TABLE t ADD COLUMN a int, ALGORITHM=INSTANT",
                "CREATE TABLE t (a int); ALTER TABLE t ADD b int",
                "ALTER TABLE small ADD a int",
                "ALTER TABLE t MODIFY a bigint",
            ],
        );
    }

    #[test]
    fn it_is_fixed() {
        testing::fixes(
            &RULE,
            Dialect::Mysql,
            &[
                ("ALTER TABLE t ADD COLUMN a int;", "ALTER TABLE t ADD COLUMN a int, ALGORITHM=INSTANT;"),
                ("CREATE INDEX i ON t (a);", "CREATE INDEX i ON t (a) ALGORITHM=INPLACE LOCK=NONE;"),
                ("ALTER TABLE t DROP INDEX i;", "ALTER TABLE t DROP INDEX i, ALGORITHM=INPLACE, LOCK=NONE;"),
            ],
        );
    }
}
