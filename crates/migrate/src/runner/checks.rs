//! What is looked at before a transaction is committed: the migration's own checks, and SQLite's foreign keys.

use super::work::Work;
use super::{Position, Runner};
use crate::connection::Row;
use crate::error::Error;

/// So many rows of a failed check are shown.
const SHOWN: usize = 5;

impl Runner<'_> {
    /// Commits, when every check returns no row; takes everything back otherwise.
    pub(super) async fn check_and_commit(
        &mut self,
        work: &Work<'_>,
        position: Position,
        suspended: bool,
        violations: &[Row],
        left: &str,
    ) -> Result<(), Error> {
        let checks = if position.last { work.checks } else { &[] };
        let mut outcome = self.check(work, checks, left).await;
        if suspended && outcome.is_ok() {
            outcome = self.check_foreign_keys(work, violations, left).await;
        }
        if outcome.is_err() {
            let _ = self.connection.run("ROLLBACK").await;
            return outcome;
        }
        self.connection.run("COMMIT").await.map(drop).map_err(Error::query("committing"))
    }

    /// Runs checks; the first that returns rows is an error.
    pub(super) async fn check(
        &mut self,
        work: &Work<'_>,
        checks: &[bascule_sql::Statement],
        left: &str,
    ) -> Result<(), Error> {
        for check in checks {
            let rows = self.connection.rows(&check.text).await.map_err(Error::query("running a check"))?;
            if !rows.is_empty() {
                return Err(Error::Check {
                    path: work.path.to_owned(),
                    line: check.line,
                    rows: rows.iter().take(SHOWN).map(shown).collect(),
                    left: left.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Foreign keys are not looked at until they are restored. Gives the violations that are there already.
    pub(super) async fn suspend_foreign_keys(&mut self) -> Result<Vec<Row>, Error> {
        let failed = Error::query("looking at foreign keys");
        let violations = self.connection.rows("PRAGMA foreign_key_check").await.map_err(failed)?;
        // Whether views and triggers follow a renamed table must not depend on who opened the file.
        self.connection
            .run("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = OFF")
            .await
            .map_err(failed)?;
        Ok(violations)
    }

    pub(super) async fn restore_foreign_keys(&mut self) {
        let _ = self.connection.run("PRAGMA foreign_keys = ON").await;
    }

    async fn check_foreign_keys(&mut self, work: &Work<'_>, before: &[Row], left: &str) -> Result<(), Error> {
        let failed = Error::query("looking at foreign keys");
        let after = self.connection.rows("PRAGMA foreign_key_check").await.map_err(failed)?;
        let new: Vec<&Row> = after.iter().filter(|row| !before.contains(row)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let row = |row: &&Row| {
            let value = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            format!("{} (rowid {}) refers to a row of {} that is not there", value(0), value(1), value(2))
        };
        Err(Error::Check {
            path: work.path.to_owned(),
            line: work.statements.first().map_or(1, |statement| statement.line),
            rows: new.iter().take(SHOWN).map(row).collect(),
            left: left.to_owned(),
        })
    }
}

fn shown(row: &Row) -> String {
    let values: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
    values.join(", ")
}
