//! Which releases the schema bears.

use std::collections::BTreeSet;

use bascule_migrations::Version;
use serde::{Deserialize, Serialize};

use super::record::{Contract, Journal, State};
use super::tables::{table, undefined};
use crate::connection::Connection;
use crate::error::Error;

/// What every release that runs on the schema has to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// Migrations whose contract was applied.
    pub contracted: BTreeSet<Version>,
}

/// Whether the schema bears a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "bears", rename_all = "lowercase")]
pub enum Bears {
    /// As it is.
    Yes,
    /// When these are applied first.
    After {
        /// The migrations that it carries and that are not applied.
        missing: Vec<Version>,
    },
    /// What it needs was taken away by the contracts of these, which it does not carry.
    No {
        /// The migrations.
        contracted: Vec<Version>,
    },
}

impl Floor {
    /// Whether the schema bears a release that carries these migrations.
    #[must_use]
    pub fn bears(&self, journal: &Journal, carried: &[Version]) -> Bears {
        let carried: BTreeSet<&Version> = carried.iter().collect();
        let contracted: Vec<Version> =
            self.contracted.iter().filter(|version| !carried.contains(version)).cloned().collect();
        if !contracted.is_empty() {
            return Bears::No { contracted };
        }
        let records = journal.by_version();
        let applied = |version: &&Version| {
            records
                .get(*version)
                .is_some_and(|record| record.state == State::Applied && record.contract != Contract::Applying)
        };
        let missing: Vec<Version> =
            carried.into_iter().filter(|version| !applied(version)).cloned().collect();
        if missing.is_empty() { Bears::Yes } else { Bears::After { missing } }
    }
}

/// Reads the floor.
pub async fn floor(connection: &mut Connection) -> Result<Floor, Error> {
    let sql = format!("SELECT version FROM {}", table(connection.dialect(), "compat"));
    let rows = match connection.rows(&sql).await {
        Ok(rows) => rows,
        Err(error) if undefined(&error) => return Ok(Floor::default()),
        Err(error) => return Err(Error::of("reading the journal", error)),
    };
    Ok(Floor { contracted: rows.into_iter().flatten().flatten().map(Version).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Origin, Record};

    fn journal(applied: &[&str]) -> Journal {
        let record = |(at, version): (usize, &&str)| Record {
            version: Version((*version).to_owned()),
            position: at as u64,
            name: String::new(),
            checksum: String::new(),
            accepted: BTreeSet::new(),
            state: State::Applied,
            contract: Contract::None,
            origin: Origin::Applied,
            attempt: 1,
            removed: false,
        };
        Journal { records: applied.iter().enumerate().map(record).collect() }
    }

    #[test]
    fn a_release_runs_on_what_it_carries_and_on_no_contract_that_it_does_not_know() {
        let versions = |list: &[&str]| list.iter().map(|&one| Version(one.to_owned())).collect::<Vec<_>>();
        let journal = journal(&["1", "2", "3"]);
        let floor = Floor { contracted: versions(&["2"]).into_iter().collect() };
        for (carried, bears) in [
            (vec!["1", "2", "3"], Bears::Yes),
            (vec!["1", "2"], Bears::Yes),
            (vec!["1"], Bears::No { contracted: versions(&["2"]) }),
            (vec!["2", "4"], Bears::After { missing: versions(&["4"]) }),
            (vec![], Bears::No { contracted: versions(&["2"]) }),
        ] {
            assert_eq!(floor.bears(&journal, &versions(&carried)), bears, "{carried:?}");
        }
        assert_eq!(Floor::default().bears(&journal, &[]), Bears::Yes);
    }
}
