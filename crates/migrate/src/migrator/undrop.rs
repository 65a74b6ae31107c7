//! Back from the soft drop: what a contract took away is there again, and the contract waits as before it was made.

use bascule_migrations::Version;
use serde::{Deserialize, Serialize};

use super::Migrator;
use super::soft::event;
use crate::connection::Connection;
use crate::contract::{self, Deed, Policy, State, Tombstone};
use crate::error::Error;
use crate::journal::Contract;

/// A contract that was made, and whether it can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The migration.
    pub version: Version,
    /// What it took away softly.
    pub away: Vec<Tombstone>,
    /// Why it does not come back; none when it does.
    pub gone: Option<String>,
}

/// A contract that was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undropped {
    /// The migration.
    pub version: Version,
    /// What came back; empty when it was back already.
    pub back: Vec<Tombstone>,
    /// Columns whose rows were filled in from what took their place, in words.
    pub filled: Vec<String>,
}

impl Undropped {
    /// What a person should know of what came back: columns that nobody could fill in.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let open = self.back.iter().filter(|one| !self.filled.contains(&one.words()));
        open.filter_map(|one| Some(format!("{}: {}", one.words(), one.note.as_ref()?))).collect()
    }
}

impl Migrator {
    /// The contracts that were made softly and not taken back, the newest first. Changes nothing.
    ///
    /// # Errors
    /// What the server says.
    pub async fn contracts_made(&mut self) -> Result<Vec<Made>, Error> {
        let journal = self.journal().await?;
        let all =
            contract::list(&mut self.connection).await.map_err(|error| Error::Contract(Box::new(error)))?;
        let mut made = Vec::new();
        for record in journal.records.iter().rev().filter(|record| {
            record.stands() && matches!(record.contract, Contract::Done | Contract::Applying)
        }) {
            let away: Vec<Tombstone> = all
                .iter()
                .filter(|one| one.version == record.version && one.state != State::Undone)
                .cloned()
                .collect();
            if away.is_empty() {
                continue;
            }
            let gone =
                away.iter().find_map(|one| Some(format!("{}: {}", one.words(), contract::never(one)?)));
            made.push(Made { version: record.version.clone(), away, gone });
        }
        Ok(made)
    }

    /// Takes a contract back that was made softly: in one transaction with the journal where the server can. Rows that came meanwhile
    /// are filled in where the migration itself says how. One that is taken back already stays so.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`]; [`contract::Error::Gone`] when a part of it went for good; what the server says.
    pub async fn undrop(&mut self, version: &Version, policy: &Policy) -> Result<Undropped, Error> {
        let soft = |error| Error::Contract(Box::new(error));
        let address = self.settings.address.clone();
        let mut session = self.session().await?;
        let outcome = async {
            let (record, details) = session.known(version).await?;
            let nothing = Undropped { version: version.clone(), back: Vec::new(), filled: Vec::new() };
            if matches!(record.contract, Contract::None | Contract::Waiting) {
                return Ok(nothing);
            }
            contract::ensure(session.connection)
                .await
                .map_err(Error::query("making the table of tombstones"))?;
            let mut away = contract::list(session.connection).await.map_err(soft)?;
            away.retain(|one| one.version == *version && one.state != State::Undone);
            if let Some((lost, reason)) = away.iter().find_map(|one| Some((one, contract::never(one)?))) {
                return Err(soft(contract::Error::Gone { what: lost.words(), reason }));
            }
            if away.is_empty() {
                let what = format!("the contract of {version}");
                let reason =
                    "it was made with its migration as a whole, and nothing of it was kept".to_owned();
                return Err(soft(contract::Error::Gone { what, reason }));
            }
            let writer = session.writer();
            let refills = contract::refills(&details.parts, &away, writer.dialect);
            for refill in &refills {
                let mut connection = Connection::open(&address, "bascule:undrop").await?;
                contract::refill(&mut connection, version, refill, &writer.stamp.owner).await.map_err(
                    |error| {
                        soft(contract::Error::Refill { what: refill.what.clone(), why: with_sources(&error) })
                    },
                )?;
                connection.close().await;
            }
            let mut also = vec![writer.fence()];
            also.extend(writer.contract(version, Contract::Waiting));
            also.push(event(&writer, version, Deed::Undo).insert(writer.dialect));
            let policy = Policy { also, ..policy.clone() };
            let back = contract::undo_all_filling(session.connection, version, &policy, &refills)
                .await
                .map_err(soft)?;
            let filled = refills.into_iter().map(|refill| refill.what).collect();
            Ok(Undropped { back, filled, ..nothing })
        }
        .await;
        session.end().await;
        outcome
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let below = error.source().map(|source| format!(": {}", with_sources(source))).unwrap_or_default();
    format!("{error}{below}")
}
