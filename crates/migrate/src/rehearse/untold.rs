//! What a rehearsal without rows cannot tell: statements that go well on an empty table and may fail on one with rows, or have
//! nothing to do there.

use bascule_migrations::{Phase, Version};
use bascule_sql::{Action, Constraint, ConstraintKind, Name, Statement, classify_reading, read};
use serde::{Deserialize, Serialize};

use super::Request;
use super::down::statements;
use crate::schema::words;

/// A statement whose outcome is in the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    /// The migration.
    pub version: Version,
    /// The statement, with its line.
    pub statement: Statement,
}

/// All of them in what is pending. What a table holds that is made on the way is known.
pub(super) fn untold(request: &Request<'_>) -> Vec<Untold> {
    let dialect = request.database.dialect();
    let mut made: Vec<Name> = Vec::new();
    let mut found = Vec::new();
    for migration in request.pending {
        let of_parts = migration
            .parts
            .iter()
            .flat_map(|part| statements(part).iter().map(|statement| (part.phase(), statement)));
        for (phase, statement) in of_parts {
            let reading = read(statement, dialect);
            let touches = classify_reading(&reading, dialect).touches;
            let is_made = |name: &Name| made.iter().any(|one| one.matches(name, dialect));
            // What is filled from a query has rows of others.
            let is_new = !touches.is_empty() && touches.iter().all(is_made) && !has_query(statement);
            if !is_new && (phase == Phase::Backfill || reading.actions.iter().any(goes_by_rows)) {
                found.push(Untold { version: migration.version.clone(), statement: statement.clone() });
            }
            made.extend(reading.actions.into_iter().filter_map(|action| match action {
                Action::CreateTable(create) => Some(create.table),
                _ => None,
            }));
        }
        let checks = migration.checks.iter();
        found.extend(
            checks.map(|check| Untold { version: migration.version.clone(), statement: check.clone() }),
        );
    }
    found
}

fn has_query(statement: &Statement) -> bool {
    words(&statement.text).iter().any(|word| word == "select")
}

/// Whether its outcome is in the rows.
fn goes_by_rows(action: &Action) -> bool {
    match action {
        Action::Insert { .. }
        | Action::Update { .. }
        | Action::Delete { .. }
        | Action::SetNotNull { .. }
        | Action::AlterColumnType { .. }
        | Action::ModifyColumn { .. }
        | Action::ValidateConstraint { .. } => true,
        Action::AddColumn { column, .. } => column.not_null && column.default.is_none(),
        Action::AddConstraint { constraint, .. } => is_checked(constraint),
        Action::CreateIndex(index) => index.unique,
        _ => false,
    }
}

/// Whether the rows that are there are held against it at once.
fn is_checked(constraint: &Constraint) -> bool {
    match constraint.kind {
        ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } | ConstraintKind::Exclude => true,
        ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } | ConstraintKind::NotNull { .. } => {
            !constraint.not_valid
        }
    }
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use super::*;

    #[test]
    fn what_goes_by_rows() {
        for (text, expected) in [
            ("CREATE TABLE a (id int)", false),
            ("ALTER TABLE a ADD COLUMN b int", false),
            ("ALTER TABLE a ADD COLUMN b int NOT NULL", true),
            ("ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 1", false),
            ("ALTER TABLE a ALTER b SET NOT NULL", true),
            ("ALTER TABLE a ALTER b TYPE bigint", true),
            ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID", false),
            ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", true),
            ("ALTER TABLE a VALIDATE CONSTRAINT c", true),
            ("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES d", true),
            ("CREATE INDEX i ON a (b)", false),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON a (b)", true),
            ("UPDATE a SET b = 1", true),
            ("DROP TABLE a", false),
        ] {
            let statement = Statement { text: text.to_owned(), line: 1 };
            let reading = read(&statement, Dialect::Postgres);
            assert_eq!(reading.actions.iter().any(goes_by_rows), expected, "{text}");
        }
    }
}
