//! What a release says of its database: which migrations it carries, how they are applied, and what a plan tells of them.
//!
//! Addresses and keys are values: they stand in [`Configuration`](crate::release::Configuration), which is only stored sealed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::manifest::{BackupWhen, Rehearse};
use crate::release::millis;

/// The migrations that a release carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The kind of database: `PostgreSQL`, `MySQL` or `SQLite`.
    pub dialect: String,
    /// SHA-256 (hex) of the set of migrations; under it the state folder keeps them.
    pub set: String,
    /// Every version, in order.
    pub versions: Vec<String>,
    /// Those of them that have something to take away once no older release runs.
    pub contracts: Vec<String>,
    /// In which order their parts are applied.
    #[serde(default)]
    pub order: SchemaOrder,
    /// How they are applied.
    pub policy: SchemaPolicy,
}

/// In which order parts of migrations are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaOrder {
    /// What the live release can live with first, the rest when it is gone.
    #[default]
    Phases,
    /// One file after another, each as a whole: the database is new, and nobody lives on it.
    Files,
}

/// How migrations are applied. Times in milliseconds on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaPolicy {
    /// How long a statement that stops others waits for its lock.
    #[serde(with = "millis")]
    pub lock_timeout: Duration,
    /// How long the live release is watched after the expand.
    #[serde(with = "millis")]
    pub watch: Duration,
    /// How long what was dropped is kept under another name.
    #[serde(with = "millis")]
    pub soft_drop_for: Duration,
    /// When the database is backed up.
    pub backup: BackupWhen,
    /// Whether migrations are tried on a copy first.
    pub rehearse: Rehearse,
    /// Queries of the app that have to hold.
    pub smoke: Vec<String>,
    /// How backups are kept.
    pub backups: BackupPolicy,
}

/// How backups are made and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPolicy {
    /// How often one is made without being asked, in seconds.
    pub every_seconds: Option<u64>,
    /// How many are kept.
    pub keep: u32,
    /// How old the last verified one may be when the schema is changed, in seconds.
    pub max_age_seconds: Option<u64>,
    /// The region of an S3-compatible place.
    pub region: String,
}

/// Where a database is, and where its backups go: all of it secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAccess {
    /// The database, without a pooler in between.
    pub url: String,
    /// The app's own way to it, where that is a pooler.
    pub pooled_url: Option<String>,
    /// Where a rehearsal may make databases.
    pub shadow_url: Option<String>,
    /// A folder or an address for backups; none: the state folder.
    pub backup_to: Option<String>,
    /// What backups are encrypted with, hex; none: the machine's own key.
    pub backup_key: Option<String>,
    /// Who one is at the place of the backups: name and secret.
    pub backup_account: Option<(String, String)>,
}

impl fmt::Debug for DatabaseAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseAccess(***)")
    }
}

/// What a run would do to a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaPlan {
    /// What it is and what it guarantees, one sentence.
    pub guarantees: String,
    /// What is applied before the new release starts, and filled in before it gets the traffic.
    pub apply: Vec<PlannedMigration>,
    /// What former releases still needed and goes first, since none of them runs any more.
    pub contract: Vec<PlannedMigration>,
    /// What waits until the former release is gone.
    pub later: Vec<PlannedMigration>,
    /// The one point from which data does not come back, in words; none where there is none.
    pub point_of_no_return: Option<String>,
    /// Versions whose contracts are taken back, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undrop: Vec<String>,
}

/// One migration of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMigration {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Its statements of that phase.
    pub statements: Vec<PlannedStatement>,
}

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStatement {
    /// The statement.
    pub sql: String,
    /// What it does to others while it runs, in words (`ACCESS EXCLUSIVE on users: blocks reads and writes`).
    pub lock: String,
    /// Whether it can be taken back, in words.
    pub reversible: String,
}

impl SchemaPlan {
    /// Whether the run leaves the database alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apply.is_empty() && self.contract.is_empty() && self.later.is_empty()
    }
}

/// What is known here of a database's schema, from what runs did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRecord {
    /// Versions that were applied and not taken back.
    pub applied: BTreeSet<String>,
    /// Versions whose contract was applied: no release without them can run any more.
    pub contracted: BTreeSet<String>,
    /// Versions that were applied once and taken back.
    #[serde(default)]
    pub reverted: BTreeSet<String>,
    /// Versions whose contract a person took back. It is not made again before another deploy has settled.
    #[serde(default)]
    pub held: BTreeSet<String>,
    /// Versions that were applied and whose rows no run has said to be filled in since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unfilled: BTreeSet<String>,
    /// Whether a release ever had users on it.
    #[serde(default)]
    pub was_used: bool,
}

/// What a database itself says of the versions that a release carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaFacts {
    /// Those that the run applied and that stand.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub applied: BTreeSet<String>,
    /// Those whose contract is made.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contracted: BTreeSet<String>,
    /// Those whose contract waits, or waits again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uncontracted: BTreeSet<String>,
    /// Those that were taken back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reverted: BTreeSet<String>,
}

impl SchemaFacts {
    /// What is not recorded yet: one who was killed, or lost the database, could not say what it had done.
    #[must_use]
    pub fn beyond(mut self, record: &SchemaRecord) -> Self {
        self.uncontracted.retain(|version| record.contracted.contains(version));
        let without = |mut all: BTreeSet<String>, known: &BTreeSet<String>| {
            all.retain(|version| !known.contains(version));
            all
        };
        Self {
            applied: without(self.applied, &record.applied),
            contracted: without(self.contracted, &record.contracted),
            uncontracted: self.uncontracted,
            reverted: without(self.reverted, &record.reverted),
        }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl SchemaRecord {
    /// Why a release that carries these migrations cannot run on the schema; none when it can.
    #[must_use]
    pub fn refuses(&self, schema: Option<&Schema>) -> Option<String> {
        let carried: BTreeSet<&str> =
            schema.into_iter().flat_map(|schema| schema.versions.iter().map(String::as_str)).collect();
        let missing: Vec<&str> =
            self.contracted.iter().map(String::as_str).filter(|version| !carried.contains(version)).collect();
        if missing.is_empty() {
            return None;
        }
        Some(format!("what it needs was taken away by {}", missing.join(", ")))
    }

    /// The contracts of a release that are still to be applied, in order; not those that a person took back.
    pub fn waiting<'a>(&'a self, schema: &'a Schema) -> impl Iterator<Item = &'a String> {
        schema.contracts.iter().filter(|version| {
            self.applied.contains(*version)
                && !self.contracted.contains(*version)
                && !self.held.contains(*version)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(versions: &[&str], contracts: &[&str]) -> Schema {
        let owned = |list: &[&str]| list.iter().map(|&version| version.to_owned()).collect::<Vec<_>>();
        Schema {
            dialect: "PostgreSQL".to_owned(),
            set: String::new(),
            versions: owned(versions),
            contracts: owned(contracts),
            order: SchemaOrder::Phases,
            policy: SchemaPolicy {
                lock_timeout: Duration::ZERO,
                watch: Duration::ZERO,
                soft_drop_for: Duration::ZERO,
                backup: BackupWhen::Never,
                rehearse: Rehearse::Never,
                smoke: Vec::new(),
                backups: BackupPolicy {
                    every_seconds: None,
                    keep: 1,
                    max_age_seconds: None,
                    region: String::new(),
                },
            },
        }
    }

    #[test]
    fn a_release_without_a_contracted_version_cannot_run() {
        let record = SchemaRecord {
            applied: BTreeSet::from(["1".to_owned(), "2".to_owned()]),
            contracted: BTreeSet::from(["2".to_owned()]),
            ..SchemaRecord::default()
        };
        assert_eq!(record.refuses(Some(&schema(&["1", "2"], &["2"]))), None);
        let why = record.refuses(Some(&schema(&["1"], &[]))).unwrap();
        assert_eq!(why, "what it needs was taken away by 2");
        // A release from before there was a database in the manifest.
        assert!(record.refuses(None).is_some());
    }

    #[test]
    fn what_was_not_applied_has_no_contract_that_waits() {
        let mut record = SchemaRecord::default();
        let schema = schema(&["1", "2"], &["1", "2"]);
        assert_eq!(record.waiting(&schema).count(), 0);
        record.applied.insert("2".to_owned());
        assert_eq!(record.waiting(&schema).collect::<Vec<_>>(), ["2"]);
        record.held.insert("2".to_owned());
        assert_eq!(record.waiting(&schema).count(), 0);
        record.held.clear();
        record.contracted.insert("2".to_owned());
        assert_eq!(record.waiting(&schema).count(), 0);
    }
}
