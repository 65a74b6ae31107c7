//! The contract of a migration, made softly: what it drops is renamed, and the journal says so in the same transaction.

use bascule_migrations::{Part, Version};
use bascule_sql::Statement;

use super::Migrator;
use crate::contract::{Buried, Deed, Event, Policy, drop_softly};
use crate::error::Error;
use crate::journal::{Contract, Writer};

impl Migrator {
    /// Makes the contract of a migration that is applied: what holds data goes to a tombstone. Gives what went, in order; nothing when
    /// it was made before.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`]; [`Error::ContractWaits`] when rows wait to be filled in; what keeps it from being made.
    pub async fn contract_softly(
        &mut self,
        version: &Version,
        policy: &Policy,
    ) -> Result<Vec<Buried>, Error> {
        let mut session = self.session().await?;
        let outcome = async {
            let (record, details) = session.known(version).await?;
            if matches!(record.contract, Contract::None | Contract::Done) {
                return Ok(Vec::new());
            }
            session.may_contract(version, &details.parts).await?;
            let writer = session.writer();
            let statements: Vec<Statement> = details.parts.iter().flat_map(of_contract).cloned().collect();
            let mut also = vec![writer.fence()];
            also.extend(writer.contract(version, Contract::Done));
            also.push(event(&writer, version, Deed::Soft).insert(writer.dialect));
            let policy = Policy { also, ..policy.clone() };
            drop_softly(session.connection, version, &statements, &policy)
                .await
                .map_err(|error| Error::Contract(Box::new(error)))
        }
        .await;
        session.end().await;
        outcome
    }
}

/// What is written down of a deed of this runner.
pub(super) fn event(writer: &Writer, version: &Version, deed: Deed) -> Event {
    let stamp = writer.stamp.clone();
    Event {
        version: version.clone(),
        deed,
        what: None,
        owner: stamp.owner,
        run: stamp.run,
        release: stamp.release,
        at: None,
    }
}

fn of_contract(part: &Part) -> &[Statement] {
    match part {
        Part::Contract { statements } => statements,
        Part::Expand { .. } | Part::Backfill(_) => &[],
    }
}
