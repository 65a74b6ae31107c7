//! `[database]` and `[backup]` as they are written.

use std::ops::Range;

use schemars::JsonSchema;

use super::Located;
use crate::manifest::schema;
use crate::manifest::types::RelativePath;
use crate::manifest::types::database::{BackupWhen, MigrationFormat};
use crate::units::Duration;

/// The app's database, whose migrations are steps of every deploy.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Database", deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// Where it is, without a pooler in between: `postgres://…`, `mysql://…` or `sqlite:PATH`. May use `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub url: Option<Located<String>>,
    /// The app's own way, where that is a pooler. Bascule only looks whether it leads to the same database. May use `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub pooled_url: Option<Located<String>>,
    /// Where a rehearsal may make databases, if not on the same server by the same user. May use `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub shadow_url: Option<Located<String>>,
    /// The folder of the migrations.
    #[schemars(with = "Option<schema::FilePath>", extend("default" = "migrations"))]
    pub migrations: Option<Located<RelativePath>>,
    /// The convention of its files. `auto`: found out.
    #[schemars(with = "Option<schema::FormatName>", extend("default" = "auto"))]
    pub format: Option<Located<MigrationFormat>>,
    /// How long a statement that stops others waits for its lock before it steps aside and tries again, at most 1m.
    #[schemars(extend("default" = "500ms"))]
    pub lock_timeout: Option<Located<Duration>>,
    /// How long the live release is watched after its schema was expanded, at most 1h.
    #[schemars(extend("default" = "3s"))]
    pub watch: Option<Located<Duration>>,
    /// When it is backed up. `before-expand`: before each deploy that changes the schema.
    #[schemars(with = "Option<schema::BackupWhenName>", extend("default" = "never"))]
    pub backup: Option<Located<BackupWhen>>,
    /// Whether migrations are first tried on a copy, up, down and up again.
    #[schemars(with = "Option<bool>", extend("default" = true))]
    pub rehearse: Option<Located<bool>>,
    /// Queries of the app that have to hold, before and after.
    #[schemars(with = "Option<Vec<String>>")]
    pub smoke: Option<Vec<Located<String>>>,
    /// How long a column or table that was dropped is kept under another name, at most 365d.
    #[schemars(extend("default" = "7d"))]
    pub soft_drop_for: Option<Located<Duration>>,
}

/// Where backups of the database go.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Backup", deny_unknown_fields)]
pub struct BackupSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// A folder, or `s3://BUCKET/PREFIX` with an optional `?endpoint=https://…`. Without it, a folder in the state folder. May use
    /// `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub to: Option<Located<String>>,
    /// What they are encrypted with: 64 hexadecimal digits. Without it, a key that this machine keeps. May use `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub key: Option<Located<String>>,
    /// How often one is made without being asked, at least 1m and at most 30d.
    pub every: Option<Located<Duration>>,
    /// How many are kept.
    #[schemars(range(min = 1, max = 1000), extend("default" = 7))]
    pub keep: Option<Located<u32>>,
    /// A deploy that changes the schema is refused when the last verified backup is older.
    pub max_age: Option<Located<Duration>>,
    /// Who one is at an S3-compatible place. May use `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub access_key: Option<Located<String>>,
    /// And the secret to it. May use `${NAME}`.
    #[schemars(with = "Option<String>")]
    pub secret_key: Option<Located<String>>,
    /// Its region.
    #[schemars(with = "Option<String>", extend("default" = "us-east-1"))]
    pub region: Option<Located<String>>,
}
