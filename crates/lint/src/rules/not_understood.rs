//! A statement is not understood, or runs code that is not looked at.

use bascule_sql::{Action, TableChange};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "not-understood",
    dialects: EVERY,
    title: "a statement is not understood, or runs code that is not looked at",
    reason: "What it locks, whether it can be taken back and whether the former release bears it is not \
            known. The rehearsal shows it.",
    safe: "Write it in plain statements where that is possible; else look at what the rehearsal says.",
    severity: "warning; a hint for a block of code or a call",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let hit = |action: &Action| match action {
        Action::Unknown { words } => Some(Hit::warning(format!("`{words}` is not understood"))),
        Action::ChangeTable { change: TableChange::Unknown { words }, .. } => {
            Some(Hit::warning(format!("`{words}` is not understood")))
        }
        Action::Run { .. } => Some(Hit::hint("what the code does is not looked at")),
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
            &[
                ("FROBNICATE t", Severity::Warning),
                ("ALTER TABLE t FROBNICATE", Severity::Warning),
                ("DO $$ BEGIN NULL; END $$", Severity::Hint),
                ("CALL p()", Severity::Hint),
            ],
            &["SELECT 1", "CREATE TABLE t (a int)"],
        );
        testing::table(&RULE, Dialect::Mysql, &[("FROBNICATE t", Severity::Warning)], &[]);
        testing::table(&RULE, Dialect::Sqlite, &[("FROBNICATE t", Severity::Warning)], &[]);
    }
}
