//! The way back of a migration that was applied only in part, where each statement stands for itself: its down is written for all of
//! it, so the statements that are done are taken back one by one.

use bascule_migrations::Phase;
use bascule_sql::{Action, Dialect, Statement};

use super::session::{Session, statements};
use crate::connection::{Connection, identifier};
use crate::contract::inverse;
use crate::error::Error;
use crate::journal::{self, Details, Record, State, Step, StepPhase, StepState};
use crate::policy::treat;
use crate::runner::{Work, is_step};

/// What takes back what is applied of a migration; none when that is all of it, and its own down does.
///
/// # Errors
/// [`Error::Irreversible`] when one of the statements has no inverse that can be told from it alone.
pub(super) async fn partial(
    connection: &mut Connection,
    record: &Record,
    details: &Details,
) -> Result<Option<Vec<Statement>>, Error> {
    if !matches!(record.state, State::Applying | State::Reverting) {
        return Ok(None);
    }
    let dialect = connection.dialect();
    let steps = journal::steps(connection, &record.version, record.attempt, StepPhase::Expand).await?;
    let done: Vec<&Step> = steps.iter().filter(|step| step.state == StepState::Done).collect();
    let whole = statements(&details.parts, Phase::Expand)
        .iter()
        .filter(|statement| is_step(&treat(dialect, statement).0))
        .count();
    if done.len() >= whole {
        return Ok(None);
    }
    let mut list = Vec::new();
    for step in done.into_iter().rev() {
        let statement = Statement { text: step.statement.clone(), line: step.line };
        let Some(sql) = backwards(dialect, &statement) else {
            return Err(Error::Irreversible {
                version: record.version.0.clone(),
                why: format!(
                    "it is applied up to line {}, and what takes that statement alone back cannot be told: bring it to its end first",
                    step.line
                ),
            });
        };
        list.extend(sql.into_iter().map(|text| Statement { text, line: step.line }));
    }
    Ok(Some(list))
}

impl Session<'_> {
    /// Looks up what came of statements of the expand that were interrupted, before it is taken back.
    pub(super) async fn settle(&mut self, record: &Record, details: &Details) -> Result<(), Error> {
        let steps = self.steps(&record.version, record.attempt, StepPhase::Expand).await?;
        if record.state != State::Applying || steps.iter().all(|step| step.state == StepState::Done) {
            return Ok(());
        }
        let all = statements(&details.parts, Phase::Expand);
        let work = Work {
            version: &record.version,
            name: &record.name,
            path: &details.path,
            text: &details.up,
            attempt: record.attempt,
            phase: StepPhase::Expand,
            statements: &all,
            transactions: details.transactions,
            checks: &[],
            steps,
            open: Vec::new(),
            close: Vec::new(),
            whole: Vec::new(),
        };
        self.resume(&work).await
    }
}

/// What takes one statement back.
fn backwards(dialect: Dialect, statement: &Statement) -> Option<Vec<String>> {
    let actions = bascule_sql::read(statement, dialect).actions;
    let mut list = Vec::new();
    for action in actions.iter().rev() {
        list.extend(match action {
            Action::CreateTable(table) if !table.if_not_exists => {
                vec![format!("DROP TABLE {}", table.table.written)]
            }
            Action::AddColumn { table, column, if_not_exists: false, .. } => {
                let column = identifier(dialect, &column.name);
                vec![format!("ALTER TABLE {} DROP COLUMN {column}", table.written)]
            }
            Action::CreateView { view, or_replace: false, if_not_exists: false, materialized, .. } => {
                let kind = if *materialized { "MATERIALIZED VIEW" } else { "VIEW" };
                vec![format!("DROP {kind} {}", view.written)]
            }
            // What is looked at or set leaves nothing.
            Action::Set(_) | Action::Maintain { .. } => Vec::new(),
            Action::Select { calls } if calls.is_empty() => Vec::new(),
            other => inverse(std::slice::from_ref(other), dialect)?.sql,
        });
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_is_taken_back_by_itself() {
        for (dialect, text, back) in [
            (Dialect::Mysql, "CREATE TABLE a (id int)", Some("DROP TABLE a")),
            (Dialect::Mysql, "CREATE TABLE IF NOT EXISTS a (id int)", None),
            (
                Dialect::Mysql,
                "ALTER TABLE a ADD COLUMN b int, ADD COLUMN c int",
                Some("ALTER TABLE a DROP COLUMN `c`; ALTER TABLE a DROP COLUMN `b`"),
            ),
            (Dialect::Mysql, "CREATE INDEX k ON a (b)", Some("DROP INDEX `k` ON a")),
            (Dialect::Postgres, "CREATE VIEW v AS SELECT 1", Some("DROP VIEW v")),
            (Dialect::Postgres, "INSERT INTO a VALUES (1)", None),
            (Dialect::Postgres, "DROP TABLE a", None),
        ] {
            let statement = Statement { text: text.to_owned(), line: 1 };
            let found = backwards(dialect, &statement).map(|list| list.join("; "));
            assert_eq!(found.as_deref(), back, "{text}");
        }
    }
}
