//! The register in a world of its own, with a database of its own and a folder of migrations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bascule_database_servers::Postgres;
use serde_json::Value;

pub use super::people::{FULL_NAME, PEOPLE};
use super::server::{Kind, Server};
use super::writers::Writers;
use super::{instance, people};
use crate::support::agreement::{Standings, settled, truth_of};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::{Ran, Running};
use crate::support::fixture::Fixture;
use crate::support::world::World;
use crate::truth::requests::evidence;

/// Where a scenario takes place: a target, and a database.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The target.
    pub fixture: &'a dyn Fixture,
    /// The database.
    pub kind: Kind,
}

impl<'a> From<&'a dyn Fixture> for Place<'a> {
    fn from(fixture: &'a dyn Fixture) -> Self {
        Self { fixture, kind: Kind::Postgres }
    }
}

/// The register.
pub struct Register<'a> {
    /// Its world.
    pub world: World<'a>,
    /// The app.
    pub app: App,
    /// The database.
    pub server: Server,
    /// `[database]`
    pub settings: BTreeMap<&'static str, String>,
}

impl<'a> Register<'a> {
    /// Nothing is deployed yet; none, and says so, where the database's server is not installed.
    pub fn new(place: impl Into<Place<'a>>) -> Option<Self> {
        let Place { fixture, kind } = place.into();
        let server = Server::start(kind)?;
        let world = World::new(fixture);
        let mut app = world.shop("register");
        app.script("app", &instance::line());
        fixture.put_program(&mut app, "app", &instance::folder(), server.folder());
        app.unset("SHOP_VERSION").set("COLUMN", "name").set("DATABASE_URL", "${DATABASE_URL}");
        app.web.insert("command", r#"["./app"]"#.to_owned());
        let quoted = |text: &str| format!("{text:?}");
        let settings = BTreeMap::from([
            ("url", quoted("${DATABASE_URL}")),
            ("lock_timeout", quoted("100ms")),
            ("watch", quoted("500ms")),
        ]);
        let register = Self { world, app, server, settings };
        register.world.set_variable("DATABASE_URL", &register.address());
        std::fs::create_dir(register.migrations()).unwrap();
        register.add(PEOPLE);
        Some(register)
    }

    /// The version with the column `name` is live, and people are in the table.
    pub fn live(place: impl Into<Place<'a>>) -> Option<Self> {
        let mut register = Self::new(place)?;
        register.deploy().expect_live();
        register.settled();
        register.ask(people::inserted(register.server.kind()));
        Some(register)
    }

    /// The next version keeps names in the column `full_name`.
    pub fn next(&mut self) -> &mut Self {
        self.add(FULL_NAME);
        self.app.set("COLUMN", "full_name");
        self
    }

    /// The address of its database.
    pub fn address(&self) -> String {
        self.server.address()
    }

    /// Its server, in a scenario that only PostgreSQL can be put into.
    pub fn postgres(&mut self) -> &mut Postgres {
        match &mut self.server {
            Server::Postgres(server, _) => server,
            Server::MariaDb(..) | Server::Sqlite(..) => panic!("it is another kind of database"),
        }
    }

    /// The folder of the migrations.
    pub fn migrations(&self) -> PathBuf {
        self.app.project().join("migrations")
    }

    /// Puts one of the register's migrations into the folder.
    pub fn add(&self, name: &str) {
        self.put(name, &people::text(name, self.server.kind()));
    }

    /// Puts a migration into the folder.
    pub fn put(&self, name: &str, text: &str) {
        std::fs::write(self.migrations().join(format!("{name}.sql")), text).unwrap();
    }

    /// Takes one out of it.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.migrations().join(format!("{name}.sql"))).unwrap();
    }

    /// Sets a key of `[database]`.
    pub fn set(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.settings.insert(name, value.to_owned());
        self
    }

    /// Writes the manifest.
    pub fn write(&mut self) {
        let lines: Vec<String> =
            self.settings.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        self.app.more = format!("[database]\n{}", lines.concat());
        self.app.write();
    }

    /// Writes the manifest and deploys.
    pub fn deploy(&mut self) -> Ran {
        self.begin().end()
    }

    /// Writes the manifest and begins to deploy.
    pub fn begin(&mut self) -> Running {
        self.write();
        self.world.start(&self.app, &["deploy", ENVIRONMENT])
    }

    /// Runs a command about the app.
    pub fn run(&self, words: &[&str]) -> Ran {
        self.world.run(&self.app, words)
    }

    /// Clients, at work.
    pub fn writers(&self) -> Writers {
        Writers::begin(self.app.door)
    }

    /// How it stands, when everything agrees.
    #[track_caller]
    pub fn settled(&self) -> Standings {
        settled(&self.world, &self.app)
    }

    /// Checks that how a command ended is the truth; gives how it stands.
    #[track_caller]
    pub fn truth_of(&self, ran: &Ran, before: &Standings) -> Standings {
        truth_of(&self.world, &self.app, ran, before)
    }

    /// The report of the run that a command made.
    pub fn report(&self, ran: &Ran) -> Value {
        self.world.report(&self.app, &ran.field("run"))
    }

    /// What the database's client prints.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        self.server.ask(sql)
    }

    /// The columns of `person`, in order.
    #[track_caller]
    pub fn columns(&self) -> Vec<String> {
        self.server.columns()
    }

    /// All that the app's schema holds, as text: two equal ones are equal databases, but for the rows.
    #[track_caller]
    pub fn schema(&self) -> String {
        self.server.schema()
    }

    /// What the journal in the database says of migrations and their statements; empty before the first.
    #[track_caller]
    pub fn journal(&self) -> String {
        let (migration, step) = (self.server.own("migration"), self.server.own("step"));
        if !self.server.has(&migration) {
            return String::new();
        }
        let migrations =
            self.ask(&format!("SELECT version, state, contract, attempt FROM {migration} ORDER BY 1"));
        let steps = self
            .ask(&format!("SELECT version, phase, number, attempt, state FROM {step} ORDER BY 1, 2, 3, 4"));
        format!("{migrations}\n{steps}")
    }

    /// The state of a migration; empty when the journal does not know it.
    #[track_caller]
    pub fn state_of(&self, version: &str) -> String {
        let migration = self.server.own("migration");
        self.ask(&format!("SELECT state FROM {migration} WHERE version = '{version}'"))
    }

    /// The state of a migration's contract.
    #[track_caller]
    pub fn contract_of(&self, version: &str) -> String {
        let migration = self.server.own("migration");
        self.ask(&format!("SELECT contract FROM {migration} WHERE version = '{version}'"))
    }

    /// Checks that a migration is applied, and that nothing of it is left in the middle.
    #[track_caller]
    pub fn is_whole(&self, version: &str) {
        assert_eq!(self.state_of(version), "applied", "{}", self.journal());
        let (migration, step) = (self.server.own("migration"), self.server.own("step"));
        let open = format!(
            "SELECT count(*) FROM {step} s JOIN {migration} m USING (version, attempt) \
             WHERE version = '{version}' AND s.state <> 'done'"
        );
        assert_eq!(self.ask(&open), "0", "{}", self.journal());
    }

    /// Whether a runner has begun to change the table.
    pub fn is_changing(&self) -> bool {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'bascule:%' \
                       AND wait_event_type = 'Lock' AND query ILIKE '%person%'";
        self.ask(waiting) != "0"
    }

    /// The steps of the run that a command made.
    pub fn steps(&self, ran: &Ran) -> Vec<String> {
        let report = self.report(ran);
        let steps = report["state"]["steps"].as_array().unwrap();
        steps.iter().filter_map(|step| step["name"].as_str()).map(ToOwned::to_owned).collect()
    }

    /// What a step of the run said when it was done.
    #[track_caller]
    pub fn evidence(&self, ran: &Ran, step: &str) -> Value {
        evidence(&self.report(ran), "step_done", step)
    }
}
