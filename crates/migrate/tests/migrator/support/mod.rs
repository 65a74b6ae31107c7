//! Migrations and settings for tests.

pub mod database;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_migrate::{Address, Event, Migrator, Settings, Watch};
use bascule_migrations::{Backfill, Gate, Migration, Origin, Part, Transactions, Version};
use bascule_sql::{Dialect, Statement, split};
use sha2::{Digest as _, Sha256};

/// Statements of a text.
pub fn statements(dialect: Dialect, text: &str) -> Vec<Statement> {
    split(text, dialect).unwrap()
}

/// A migration of one part, with a down where there is one.
pub fn migration(dialect: Dialect, version: &str, up: &str, down: Option<&str>) -> Migration {
    Migration {
        version: Version(version.to_owned()),
        name: format!("m{version}"),
        path: format!("{version}_m.sql"),
        up: up.to_owned(),
        down_file: None,
        parts: vec![Part::Expand { statements: statements(dialect, up) }],
        down: down.map(|down| statements(dialect, down)),
        checks: Vec::new(),
        transactions: Transactions::Usual,
        checksum: checksum(up),
        origin: Origin::default(),
        notes: Vec::new(),
    }
}

/// One with an expand, a contract, and perhaps a backfill.
pub fn phased(
    dialect: Dialect,
    version: &str,
    expand: &str,
    backfill: Option<(&str, &str)>,
    contract: &str,
    down: &str,
) -> Migration {
    let mut migration = migration(dialect, version, expand, Some(down));
    migration.parts.extend(backfill.map(|(table, statement)| {
        Part::Backfill(Backfill {
            table: table.to_owned(),
            key: vec!["id".to_owned()],
            batch: 100,
            gate: Gate::Contract,
            statement: Statement { text: statement.to_owned(), line: 1 },
        })
    }));
    migration.parts.push(Part::Contract { statements: statements(dialect, contract) });
    migration.up = format!("{expand}\n{contract}");
    migration.checksum = checksum(&migration.up);
    migration
}

pub fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn version(text: &str) -> Version {
    Version(text.to_owned())
}

/// Remembers what happened.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Watch for Recorder {
    fn told(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Recorder {
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

/// Settings with short times.
pub fn settings(address: &str) -> Settings {
    let mut settings = Settings::new(Address::parse(address).unwrap(), "test");
    settings.lock_timeout = Duration::from_millis(200);
    settings.lock_budget = Duration::from_secs(20);
    settings.lease_wait = Duration::from_secs(60);
    settings
}

/// The same, with what happens.
pub fn recorded(address: &str) -> (Settings, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let mut settings = settings(address);
    settings.watch = Arc::<Recorder>::clone(&recorder);
    (settings, recorder)
}

pub async fn open(address: &str) -> Migrator {
    Migrator::open(settings(address)).await.unwrap()
}

/// Waits for a state, for a minute.
pub async fn eventually(what: &str, mut state: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if state().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come");
}
