//! What others call: status, plan, up, down, contract, repair, baseline, history.
//!
//! Nothing is taken and nothing is written when there is nothing to do: that costs one question.

mod adopt;
mod agenda;
mod baseline;
mod contract;
mod differences;
mod down;
mod drift;
mod fills;
mod partial;
mod plan;
mod repair;
mod session;
mod soft;
mod status;
mod together;
mod undrop;
mod up;
mod version;
mod wish;

pub use down::{Goal, Reverted};
pub use drift::Thing;
pub use plan::{Plan, PlannedStatement};
pub use repair::{Ailment, Choice};
pub use session::ContractCourse;
pub use status::{Line, Standing, Status};
pub use undrop::{Made, Undropped};
pub use up::{Applied, Outcome};
pub use wish::{Missing, Order, Phases, Wish};

use crate::connection::{Connection, Server};
use crate::error::Error;
use crate::journal::{self, Bears, Details, Entry, Floor, Journal};
use crate::settings::Settings;

use bascule_migrations::Version;

/// Works on one database.
pub struct Migrator {
    connection: Connection,
    settings: Settings,
}

impl Migrator {
    /// Connects.
    ///
    /// # Errors
    /// What speaks against it, each with its own sentence: [`Error::Connect`], [`Error::Credentials`], [`Error::NoDatabase`],
    /// [`Error::TooManyConnections`], [`Error::TooOld`].
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let connection = Connection::open(&settings.address, &settings.application_name()).await?;
        version::check(connection.server())?;
        Ok(Self { connection, settings })
    }

    /// What answers.
    #[must_use]
    pub fn server(&self) -> Server {
        self.connection.server()
    }

    /// With what it works.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its connection, for questions.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// What the database promises of migrations, in one sentence.
    #[must_use]
    pub fn guarantees(&self) -> &'static str {
        version::guarantees(self.server())
    }

    /// What the journal says, in one round trip; empty where there is none.
    ///
    /// # Errors
    /// What the server says.
    pub async fn journal(&mut self) -> Result<Journal, Error> {
        journal::read(&mut self.connection).await
    }

    /// The texts that the journal keeps of these migrations, in its order.
    ///
    /// # Errors
    /// What the server says.
    pub async fn details(&mut self, versions: &[Version]) -> Result<Vec<Details>, Error> {
        journal::details(&mut self.connection, versions).await
    }

    /// Who did what, the oldest first.
    ///
    /// # Errors
    /// What the server says.
    pub async fn history(&mut self) -> Result<Vec<Entry>, Error> {
        journal::history(&mut self.connection).await
    }

    /// Whether a deploy has ever changed this database.
    ///
    /// # Errors
    /// What the server says.
    pub async fn deployed_to(&mut self) -> Result<bool, Error> {
        journal::deployed_to(&mut self.connection).await
    }

    /// What every release that runs on the schema has to carry.
    ///
    /// # Errors
    /// What the server says.
    pub async fn floor(&mut self) -> Result<Floor, Error> {
        journal::floor(&mut self.connection).await
    }

    /// Whether the schema bears a release that carries these migrations.
    ///
    /// # Errors
    /// What the server says.
    pub async fn bears(&mut self, carried: &[Version]) -> Result<Bears, Error> {
        let floor = self.floor().await?;
        Ok(floor.bears(&self.journal().await?, carried))
    }

    /// Ends the connection in good order.
    pub async fn close(self) {
        self.connection.close().await;
    }
}
