//! What somebody did by hand: things that the journal says are there and that are gone, and things that it says are gone and that are
//! there. Only tables, columns and indexes that a statement of a migration names; changes nothing.

mod catalog;
mod expected;

use bascule_migrations::{Phase, Version};
use bascule_sql::Statement;
use sha2::{Digest as _, Sha256};

pub use expected::{Origin, Thing};

use super::Migrator;
use super::session::statements;
use crate::error::Error;
use crate::journal::{self, Contract, Journal, State};
use expected::Applied;

/// One thing that is not as the journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// It was made and is gone.
    Gone(Thing, Origin),
    /// It was taken away and is there.
    There(Thing, Origin),
}

impl Migrator {
    /// What is not as the journal says, but for what a person has accepted.
    pub(super) async fn drift(&mut self, journal: &Journal) -> Result<Vec<Drift>, Error> {
        let dialect = self.connection.dialect();
        let ours = journal.records.iter().filter(|record| {
            record.origin == journal::Origin::Applied
                && matches!(record.state, State::Applied | State::Reverted)
                && record.contract != Contract::Applying
        });
        let ours: Vec<_> = ours.collect();
        let versions: Vec<Version> = ours.iter().map(|record| record.version.clone()).collect();
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let details = journal::details(&mut self.connection, &versions).await?;
        let of = |record: &journal::Record, phase| -> Vec<Statement> {
            let found = details.iter().find(|one| one.version == record.version);
            found.map(|one| statements(&one.parts, phase)).unwrap_or_default()
        };
        let applied = ours.iter().map(|record| Applied {
            version: record.version.clone(),
            expand: of(record, Phase::Expand),
            contract: if record.contract == Contract::Done {
                of(record, Phase::Contract)
            } else {
                Vec::new()
            },
            stands: record.state == State::Applied,
        });
        let expected = expected::expected(dialect, applied);
        let catalog = catalog::read(&mut self.connection).await?;
        let accepted = |thing: &Thing, origin: &Origin| {
            journal.find(&origin.version).is_some_and(|record| record.accepted.contains(&mark(thing)))
        };
        let gone =
            without_parts(expected.there.into_iter().filter(|(thing, _)| !catalog.has(thing)).collect());
        let there = expected.gone.into_iter().filter(|(thing, _)| catalog.has(thing));
        let all = gone
            .into_iter()
            .map(|(thing, origin)| Drift::Gone(thing, origin))
            .chain(there.map(|(thing, origin)| Drift::There(thing, origin)));
        Ok(all
            .filter(|drift| {
                let (Drift::Gone(thing, origin) | Drift::There(thing, origin)) = drift;
                !accepted(thing, origin)
            })
            .collect())
    }
}

/// Without the columns and indexes of tables that are gone themselves: one decision is enough.
fn without_parts(gone: Vec<(Thing, Origin)>) -> Vec<(Thing, Origin)> {
    let tables: Vec<Thing> = gone
        .iter()
        .map(|(thing, _)| thing)
        .filter(|thing| matches!(thing, Thing::Table { .. }))
        .cloned()
        .collect();
    let of_gone = |thing: &Thing| {
        !matches!(thing, Thing::Table { .. }) && tables.iter().any(|table| table.table() == thing.table())
    };
    gone.into_iter().filter(|(thing, _)| !of_gone(thing)).collect()
}

/// Under which a person's word about a thing is kept beside its migration.
pub fn mark(thing: &Thing) -> String {
    format!("by-hand:{}", crate::hex::encode(&Sha256::digest(thing.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bascule_sql::{Dialect, split};

    #[test]
    fn of_a_table_that_is_gone_its_columns_are_not_told() {
        let applied = Applied {
            version: Version("1".to_owned()),
            expand: split(
                "CREATE TABLE a (x int); CREATE INDEX i ON a (x); CREATE TABLE b (y int)",
                Dialect::Postgres,
            )
            .unwrap(),
            contract: Vec::new(),
            stands: true,
        };
        let mut gone: Vec<_> =
            expected::expected(Dialect::Postgres, [applied].into_iter()).there.into_iter().collect();
        gone.retain(|(thing, _)| thing.to_string() != "table b");
        let told: Vec<String> = without_parts(gone).iter().map(|(thing, _)| thing.to_string()).collect();
        assert_eq!(told, ["table a", "column b.y"]);
    }
}
