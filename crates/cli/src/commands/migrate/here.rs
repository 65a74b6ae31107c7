//! Which database a command is about: that of the environment that was named, or of the only one that has one.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;

use bascule_engine::draft::database_access;
use bascule_migrate::{Address, Event, Journal, Migrator, Settings, Watch};
use bascule_migrations::MigrationSet;
use bascule_model::ids::EnvironmentName;
use bascule_model::manifest::{Database, Environment, Manifest};
use bascule_model::problem::{Code, Problem};
use bascule_model::schema::DatabaseAccess;
use bascule_server::databases::{self, Files, Ways};
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
    ways: Ways,
}

/// A database that was connected to, and what there is to know before it is changed.
pub struct Opened {
    /// The way to it.
    pub migrator: Migrator,
    /// The migrations of the project's folder.
    pub set: MigrationSet,
    /// What was applied.
    pub journal: Journal,
    /// Whether deploys change it: a release may be on it.
    pub by_deploys: bool,
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
        let ways = Ways::new(|variable| context.machine.variable(variable));
        Ok(Here { environment, database, access, address, project: project.folder, ways })
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
    /// Where the database is, as this machine comes to it.
    ///
    /// # Errors
    /// Why there is no way.
    pub async fn reached(&self) -> Result<Address, Failure> {
        self.reach(self.address.clone()).await
    }

    /// The same of another database of the environment.
    ///
    /// # Errors
    /// As [`Self::reached`].
    pub async fn reach(&self, address: Address) -> Result<Address, Failure> {
        Ok(self.ways.reached(address, self.environment.cluster.as_ref()).await?)
    }

    /// Connects, as whoever is at the keyboard.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&self, context: &Context) -> Result<Migrator, Failure> {
        let mut settings = Settings::new(self.reached().await?, &context.machine.actor());
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

    /// The same with what the database knows, unless another tool has migrated it and nobody has taken that over.
    ///
    /// # Errors
    /// As [`Self::open_and_read`]; `MIGRATIONS_DIFFER` with the command that takes it over.
    pub async fn open_with_journal(&self, context: &Context) -> Result<Opened, Failure> {
        let files = self.begin_to_read();
        let asked = self.ask(context).await;
        let set = is_read(files.await)?;
        let (migrator, journal) = asked?;
        self.opened(migrator, set, journal).await
    }

    /// The same; none where all that the files say is applied, which is seen before what they do is looked at.
    ///
    /// # Errors
    /// As [`Self::open_with_journal`].
    pub async fn open_to_apply(&self, context: &Context) -> Result<Option<Opened>, Failure> {
        let (project, folder) = (self.project.clone(), self.database.migrations.to_string());
        let format = self.database.format;
        let read = tokio::task::spawn_blocking(move || Files::read_with_outline(&project, &folder, format));
        let asked = self.ask(context).await;
        let (files, outline) = is_read(read.await)?;
        let (migrator, journal) = asked?;
        let has_all = outline.as_ref().is_some_and(|outline| journal.has_all(outline));
        if has_all && !journal.records.is_empty() {
            migrator.close().await;
            // The process ends now: what it has need not be taken apart, file by file.
            let _kept = ManuallyDrop::new((files, outline, journal));
            return Ok(None);
        }
        let set = files.set(self.address.dialect())?;
        self.opened(migrator, set, journal).await.map(Some)
    }

    /// Connects, and reads the journal.
    async fn ask(&self, context: &Context) -> Result<(Migrator, Journal), Failure> {
        let mut migrator = self.open(context).await?;
        let journal = migrator.journal().await.map_err(|error| failed(&error))?;
        Ok((migrator, journal))
    }

    async fn opened(
        &self,
        mut migrator: Migrator,
        set: MigrationSet,
        journal: Journal,
    ) -> Result<Opened, Failure> {
        let by_deploys = if journal.records.is_empty() {
            let foreign = migrator.foreign(&set).await.map_err(|error| failed(&error))?;
            databases::foreign_problem(foreign, self.environment.name.as_str())?;
            false
        } else {
            migrator.deployed_to().await.map_err(|error| failed(&error))?
        };
        Ok(Opened { migrator, set, journal, by_deploys })
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

fn is_read<T>(read: Result<Result<T, Problem>, JoinError>) -> Result<T, Problem> {
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
