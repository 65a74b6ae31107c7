//! What the engine needs of an app's database. The journal of what was applied is in the database itself: every call is idempotent,
//! goes on where a dead one stopped, and waits for other runners.

use std::collections::BTreeSet;
use std::path::Path;

use async_trait::async_trait;
use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::release::{Cluster, Configuration, MigrationSource, Release};
use bascule_model::run::Evidence;
use bascule_model::schema::{Schema, SchemaFacts, SchemaPlan, SchemaRecord};

use super::PortError;

/// What is asked before a plan is made.
pub struct Surveying<'a> {
    /// For which environment.
    pub key: &'a EnvironmentKey,
    /// The folder of the manifest.
    pub project: &'a Path,
    /// Where the migrations are.
    pub source: &'a MigrationSource,
    /// Where the database is.
    pub values: &'a Configuration,
    /// The cluster whose pods use it; none where no cluster is deployed to.
    pub cluster: Option<&'a Cluster>,
    /// Who has to be able to go on; none where nothing is live.
    pub live: Option<&'a Release>,
    /// What runs did to the database.
    pub record: &'a SchemaRecord,
    /// Whether users were ever at a release of the environment.
    pub is_known: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// What the new release carries. The set is kept under its digest.
    pub schema: Schema,
    /// What a deploy would do.
    pub plan: SchemaPlan,
    /// Whether rows have to be filled in before the switch.
    pub fills: Fills,
    /// What the reader of the plan should know.
    pub notes: Vec<String>,
}

/// Whether rows have to be filled in before the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fills {
    /// They have to.
    BeforeSwitch,
    /// Nothing waits for rows.
    Nothing,
}

/// One run's view of a release's database.
pub struct Migrating<'a> {
    /// Of which environment.
    pub key: &'a EnvironmentKey,
    /// For which run; none for what is done without one.
    pub run: Option<&'a RunId>,
    /// The folder of the manifest, where it is known.
    pub project: Option<&'a Path>,
    /// Whose migrations.
    pub release: &'a Release,
    /// Where the database is.
    pub values: &'a Configuration,
    /// Who has to be able to go on; none where nothing is live.
    pub live: Option<&'a Release>,
    /// Versions whose contract a person took back: it is not made.
    pub held: &'a BTreeSet<String>,
    /// Tells who watches how far it is; not recorded.
    pub note: &'a (dyn Fn(String) + Send + Sync),
}

/// Databases of apps. Everything that it answers as evidence is for the report; lists of versions in it are under `applied`,
/// `contracted`, `undropped` and `reverted`, and what was found beside them, as [`SchemaFacts`], under `found`.
#[async_trait]
pub trait Migrations: Send + Sync {
    /// Reads the folder and the database. Changes neither.
    async fn survey(&self, surveying: &Surveying<'_>) -> Result<Surveyed, PortError>;

    /// Tries what is pending on a copy: up, down, up; and the queries of both releases. The database itself is only read.
    async fn rehearse(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError>;

    /// Makes a backup and verifies it.
    async fn back_up(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError>;

    /// Applies what is pending of the expand. A failed migration leaves nothing of itself.
    async fn expand(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError>;

    /// Whether nothing of the expand is pending.
    async fn expanded(&self, migrating: &Migrating<'_>) -> Result<bool, PortError>;

    /// Which queries of the live release the schema breaks, one sentence each.
    async fn broken_queries(&self, migrating: &Migrating<'_>) -> Result<Vec<String>, PortError>;

    /// Takes back what the release carries and `live` does not, from what the database keeps. Refused as a whole when a part of it
    /// has no way back.
    async fn revert(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError>;

    /// Fills in the rows that the switch waits for.
    async fn fill(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError>;

    /// Takes away what only releases older than this one needed, softly where that can be. What waits for rows is left for later.
    async fn contract(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError>;

    /// Takes the contract of that version back. Refused as a whole when a part of it went for good; one that is back stays so.
    async fn undrop(&self, migrating: &Migrating<'_>, version: &str) -> Result<Evidence, PortError>;

    /// What the database says of the versions that the release carries.
    async fn facts(&self, migrating: &Migrating<'_>) -> Result<SchemaFacts, PortError>;

    /// What is due without a run: rows that only the contract waits for, drops whose time is over, scheduled backups. Says what it did.
    async fn tend(&self, migrating: &Migrating<'_>) -> Result<Vec<String>, PortError>;
}

/// No databases, for engines whose apps have none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMigrations;

fn none() -> PortError {
    bascule_model::problem::Problem::new(
        bascule_model::problem::Code::Internal,
        "this engine was put together without databases",
        "report this: it is a defect of Bascule",
    )
    .into()
}

#[async_trait]
impl Migrations for NoMigrations {
    async fn survey(&self, _: &Surveying<'_>) -> Result<Surveyed, PortError> {
        Err(none())
    }
    async fn rehearse(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn back_up(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn expand(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn expanded(&self, _: &Migrating<'_>) -> Result<bool, PortError> {
        Err(none())
    }
    async fn broken_queries(&self, _: &Migrating<'_>) -> Result<Vec<String>, PortError> {
        Err(none())
    }
    async fn revert(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn fill(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn contract(&self, _: &Migrating<'_>) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn facts(&self, _: &Migrating<'_>) -> Result<SchemaFacts, PortError> {
        Err(none())
    }
    async fn undrop(&self, _: &Migrating<'_>, _: &str) -> Result<Evidence, PortError> {
        Err(none())
    }
    async fn tend(&self, _: &Migrating<'_>) -> Result<Vec<String>, PortError> {
        Err(none())
    }
}
