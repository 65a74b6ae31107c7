//! Which database a command is about: that of the environment that was named, or of the only one that has one.

use std::path::PathBuf;
use std::sync::Arc;

use bascule_engine::draft::database_access;
use bascule_migrate::{Address, Event, Journal, Migrator, Settings, Watch};
use bascule_migrations::MigrationSet;
use bascule_model::ids::EnvironmentName;
use bascule_model::manifest::{Database, Environment, Manifest};
use bascule_model::problem::{Code, Problem};
use bascule_model::schema::DatabaseAccess;
use bascule_server::databases;
use tokio::task::{JoinError, JoinHandle};

use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::text::escape;

/// Names an environment, or leaves it to the manifest.
#[derive(Debug, Clone, clap::Args)]
pub struct Where {
    /// The environment [default: the only one with a database]
    #[arg(value_name = "ENV")]
    pub environment: Option<EnvironmentName>,
}

/// A database, as the manifest and the caller's variables say it.
pub struct Here {
    /// The environment as it holds.
    pub environment: Environment,
    /// Its database.
    pub database: Database,
    /// Where it is.
    pub access: DatabaseAccess,
    /// The same, as the library takes it.
    pub address: Address,
    /// The project's folder.
    pub project: PathBuf,
}

impl Where {
    /// Resolves it.
    ///
    /// # Errors
    /// The manifest's mistakes; `USAGE` when no or no single environment fits.
    pub fn resolve(&self, context: &Context) -> Result<Here, Failure> {
        let project = context.project()?;
        let name = match &self.environment {
            Some(name) => name.clone(),
            None => only_one(&project.manifest()?)?,
        };
        let environment = project.resolve(&name, &|variable| context.machine.variable(variable))?;
        let (Some(database), Some(access)) = (environment.database.clone(), database_access(&environment))
        else {
            return Err(no_database(&format!("{name} has no database")).into());
        };
        let address = databases::address(&access.url, Some(&project.folder))?;
        Ok(Here { environment, database, access, address, project: project.folder })
    }
}

/// Shows what a migrator tells, beside the result.
struct Beside(Screen);

impl Watch for Beside {
    fn told(&self, event: &Event) {
        if let Some(words) = databases::watching::words(event) {
            self.0.note(&escape::line(&words));
        }
    }
}

impl Here {
    /// Connects, as whoever is at the keyboard.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&self, context: &Context) -> Result<Migrator, Failure> {
        let mut settings = Settings::new(self.address.clone(), &context.machine.actor());
        settings.lock_timeout = self.database.lock_timeout.get();
        settings.watch = Arc::new(Beside(context.screen));
        Migrator::open(settings).await.map_err(|error| failed(&error))
    }

    /// Connects, and reads the files meanwhile: a thousand of them take as long as a server takes to let somebody in.
    ///
    /// # Errors
    /// `MIGRATIONS_UNREADABLE`; what the database says.
    pub async fn open_and_read(&self, context: &Context) -> Result<(Migrator, MigrationSet), Failure> {
        let files = self.begin_to_read();
        let migrator = self.open(context).await;
        let set = is_read(files.await)?;
        Ok((migrator?, set))
    }

    /// The same with the journal, unless another tool has migrated the database and nobody has taken that over.
    ///
    /// # Errors
    /// As [`Self::open_and_read`]; `MIGRATIONS_DIFFER` with the command that takes it over.
    pub async fn open_with_journal(
        &self,
        context: &Context,
    ) -> Result<(Migrator, MigrationSet, Journal), Failure> {
        let files = self.begin_to_read();
        let opened = async {
            let mut migrator = self.open(context).await?;
            let journal = migrator.journal().await.map_err(|error| failed(&error))?;
            Ok::<_, Failure>((migrator, journal))
        };
        let opened = opened.await;
        let set = is_read(files.await)?;
        let (mut migrator, journal) = opened?;
        if journal.records.is_empty() {
            let foreign = migrator.foreign(&set).await.map_err(|error| failed(&error))?;
            databases::foreign_problem(foreign, self.environment.name.as_str())?;
        }
        Ok((migrator, set, journal))
    }

    /// Reads the files on a thread of its own.
    fn begin_to_read(&self) -> JoinHandle<Result<MigrationSet, Problem>> {
        let folder = self.database.migrations.to_string();
        let (project, format, dialect) = (self.project.clone(), self.database.format, self.address.dialect());
        tokio::task::spawn_blocking(move || databases::read_folder(&project, &folder, format, dialect))
    }

    /// The migrations of the project's folder.
    ///
    /// # Errors
    /// `MIGRATIONS_UNREADABLE`.
    pub fn set(&self) -> Result<MigrationSet, Failure> {
        let folder = self.database.migrations.to_string();
        Ok(databases::read_folder(&self.project, &folder, self.database.format, self.address.dialect())?)
    }
}

fn is_read(read: Result<Result<MigrationSet, Problem>, JoinError>) -> Result<MigrationSet, Problem> {
    read.map_err(|error| {
        let remedy = "this is a mistake of Bascule: please report it";
        Problem::new(Code::Internal, format!("reading the migrations: {error}"), remedy)
    })?
}

/// An error of the migrator, as a failure of the command.
pub fn failed(error: &bascule_migrate::Error) -> Failure {
    databases::problem::migrate(error).into()
}

fn only_one(manifest: &Manifest) -> Result<EnvironmentName, Problem> {
    let everywhere = manifest.database.is_some();
    let mut fitting = manifest
        .environments
        .iter()
        .filter(|(_, settings)| everywhere || settings.database.is_some())
        .map(|(name, _)| name);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => Err(no_database("no environment has a database")),
        (Some(first), Some(second)) => Err(Problem::new(
            Code::Usage,
            format!("several environments have a database: {first}, {second}, …"),
            format!("name the one that is meant, as in `bascule migrate status {first}`"),
        )),
    }
}

fn no_database(message: &str) -> Problem {
    Problem::new(
        Code::Usage,
        message,
        "write [database] with its `url` into bascule.toml, as in url = \"${DATABASE_URL}\"",
    )
}
