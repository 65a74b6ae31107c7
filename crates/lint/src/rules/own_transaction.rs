//! The file begins or ends a transaction itself.

use bascule_sql::{Action, Control};

use crate::{
    rule::{EVERY, Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "own-transaction",
    dialects: EVERY,
    title: "the file begins or ends a transaction itself",
    reason: "Bascule runs each statement in a transaction with its line in the journal, so that a crash in \
            between is known. BEGIN in the file keeps locks until its COMMIT, and a COMMIT of its own ends \
            what Bascule began. With MySQL every change of the schema commits anyway.",
    safe: "Take BEGIN and COMMIT out.",
    severity: "warning; block where one is without the other",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let control = |action: Option<&Action>| match action {
        Some(Action::Control(control)) => Some(control.clone()),
        _ => None,
    };
    let ends = |control: &Control| matches!(control, Control::Commit | Control::Rollback);
    match control(site.actions().next()) {
        Some(Control::Begin) => {
            if site.later().any(|read| control(read.reading.actions.first()).is_some_and(|one| ends(&one))) {
                vec![Hit::warning(
                    "locks are held until its end, and a crash in between is harder to take up",
                )]
            } else {
                vec![Hit::block("the transaction that it begins is never ended")]
            }
        }
        Some(end) if ends(&end) && !site.in_own_transaction() => {
            vec![Hit::block("it ends a transaction that the file did not begin")]
        }
        Some(Control::TwoPhase) => {
            vec![Hit::block("a transaction in two phases outlives the run and holds its locks")]
        }
        _ => Vec::new(),
    }
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
                ("BEGIN; SELECT 1; COMMIT", Severity::Warning),
                ("BEGIN; SELECT 1", Severity::Block),
                ("SELECT 1; COMMIT", Severity::Block),
                ("PREPARE TRANSACTION 'x'", Severity::Block),
            ],
            &[
                "SELECT 1",
                "SAVEPOINT s",
                "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
            ],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[("START TRANSACTION; SELECT 1; COMMIT", Severity::Warning)],
            &[],
        );
        testing::table(&RULE, Dialect::Sqlite, &[("BEGIN IMMEDIATE; SELECT 1; END", Severity::Warning)], &[]);
    }
}
