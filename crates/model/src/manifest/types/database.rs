//! The app's database, as it holds in one environment.

use serde::{Deserialize, Serialize};

use super::build::RelativePath;
use super::text::Value;
use crate::units::Duration;

/// The app's database and how its schema is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Where it is.
    pub url: Value,
    /// The app's own way to it.
    pub pooled_url: Option<Value>,
    /// Where a rehearsal may make databases.
    pub shadow_url: Option<Value>,
    /// The folder of the migrations.
    pub migrations: RelativePath,
    /// The convention of its files.
    pub format: MigrationFormat,
    /// How long a statement that stops others waits for its lock.
    pub lock_timeout: Duration,
    /// How long the live release is watched after the expand.
    pub watch: Duration,
    /// When it is backed up.
    pub backup: BackupWhen,
    /// Whether migrations are tried on a copy first.
    pub rehearse: Rehearse,
    /// Queries of the app that have to hold.
    pub smoke: Vec<String>,
    /// How long what was dropped is kept under another name.
    pub soft_drop_for: Duration,
}

/// Where backups of the database go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// A folder or an address; none: in the state folder.
    pub to: Option<Value>,
    /// What they are encrypted with; none: the machine's own key.
    pub key: Option<Value>,
    /// How often one is made without being asked.
    pub every: Option<Duration>,
    /// How many are kept.
    pub keep: u32,
    /// How old the last verified one may be when the schema is changed.
    pub max_age: Option<Duration>,
    /// Who one is at the place.
    pub access_key: Option<Value>,
    /// And the secret to it.
    pub secret_key: Option<Value>,
    /// Its region.
    pub region: String,
}

/// A convention of migration files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationFormat {
    /// Found out from the files.
    #[default]
    Auto,
    /// Our own.
    Bascule,
    /// dbmate's.
    Dbmate,
    /// golang-migrate's.
    GolangMigrate,
    /// goose's.
    Goose,
    /// sqlx's.
    Sqlx,
    /// diesel's.
    Diesel,
    /// refinery's.
    Refinery,
    /// Flyway's.
    Flyway,
}

impl MigrationFormat {
    /// Every one, with its name in the manifest.
    pub const ALL: [(&'static str, Self); 9] = [
        ("auto", Self::Auto),
        ("bascule", Self::Bascule),
        ("dbmate", Self::Dbmate),
        ("golang-migrate", Self::GolangMigrate),
        ("goose", Self::Goose),
        ("sqlx", Self::Sqlx),
        ("diesel", Self::Diesel),
        ("refinery", Self::Refinery),
        ("flyway", Self::Flyway),
    ];

    /// The name as it is written in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("auto", |(name, _)| name)
    }
}

/// When a database is backed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupWhen {
    /// Before each deploy that changes the schema.
    BeforeExpand,
    /// Only by its schedule, or by hand.
    #[default]
    Never,
}

/// Whether migrations are tried on a copy first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rehearse {
    /// They are.
    #[default]
    Always,
    /// They are not.
    Never,
}
