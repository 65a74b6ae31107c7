//! Migrations out of short texts, and rehearsals of them.

use std::path::{Path, PathBuf};

use bascule_migrate::rehearse::{Down, Order, Place, ROWS_UP_TO, Rehearsal, Request, rehearse};
use bascule_migrate::tools::Tools;
use bascule_migrate::{Address, Connection};
use bascule_migrations::{Migration, Origin, Part, Transactions, Version};
use bascule_sql::{Dialect, Statement, split};

/// What is written down of a migration in a test.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    /// What is there before.
    pub given: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

impl Case {
    pub fn migration(&self, at: usize, dialect: Dialect) -> Migration {
        let mut migration = plain(&format!("{at:04}"), self.up, Some(self.down), dialect);
        self.name.clone_into(&mut migration.name);
        migration
    }
}

pub fn statements(text: &str, dialect: Dialect) -> Vec<Statement> {
    split(text, dialect).unwrap()
}

/// One part, an expand.
pub fn plain(version: &str, up: &str, down: Option<&str>, dialect: Dialect) -> Migration {
    phased(version, vec![Part::Expand { statements: statements(up, dialect) }], down, dialect)
}

pub fn phased(version: &str, parts: Vec<Part>, down: Option<&str>, dialect: Dialect) -> Migration {
    Migration {
        version: Version(version.to_owned()),
        name: "test".to_owned(),
        path: format!("{version}.sql"),
        up: String::new(),
        down_file: None,
        parts,
        down: down.map(|down| statements(down, dialect)),
        checks: Vec::new(),
        transactions: Transactions::Usual,
        checksum: String::new(),
        origin: Origin::default(),
        notes: Vec::new(),
    }
}

/// All programs that this machine has.
pub fn tools(scratch: &Path) -> Tools {
    Tools::new("/usr/local/bin:/usr/bin:/bin:/usr/sbin", scratch.to_owned())
}

/// A database, a folder for what does not stay, and its tools.
pub struct Bench {
    pub address: Address,
    pub tools: Tools,
    pub scratch: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub fn of(address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().to_owned();
        Self { address: Address::parse(address).unwrap(), tools: tools(&scratch), scratch, _folder: folder }
    }

    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("live.db").display());
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        Self { address: Address::parse(&address).unwrap(), tools: tools(&scratch), scratch, _folder: folder }
    }

    pub async fn connect(&self) -> Connection {
        Connection::open(&self.address, "test").await.unwrap()
    }

    pub async fn given(&self, sql: &str) {
        let mut connection = self.connect().await;
        for statement in statements(sql, connection.dialect()) {
            connection
                .run(&statement.text)
                .await
                .unwrap_or_else(|error| panic!("{error}: {}", statement.text));
        }
        connection.close().await;
    }

    pub fn request<'a>(&'a self, pending: &'a [Migration]) -> Request<'a> {
        Request {
            database: &self.address,
            pending,
            order: Order::Phases,
            place: Place::Own,
            rows_up_to: ROWS_UP_TO,
            live: &[],
            next: &[],
            counted: 0,
            tools: &self.tools,
        }
    }

    pub async fn rehearse(&self, pending: &[Migration]) -> Rehearsal {
        rehearse(&self.request(pending)).await.unwrap()
    }

    /// Rehearses all cases at once; each has its own tables.
    pub async fn cases(&self, cases: &[Case]) -> Vec<(&'static str, Down)> {
        let dialect = self.address.dialect();
        for case in cases {
            self.given(case.given).await;
        }
        let pending: Vec<Migration> =
            cases.iter().enumerate().map(|(at, case)| case.migration(at, dialect)).collect();
        let rehearsal = self.rehearse(&pending).await;
        assert!(rehearsal.copy.differences.is_empty(), "{rehearsal}");
        for migration in &rehearsal.migrations {
            assert_eq!(migration.failed, None, "{rehearsal}");
        }
        cases
            .iter()
            .map(|case| case.name)
            .zip(rehearsal.migrations.into_iter().map(|done| done.down))
            .collect()
    }
}

/// That each of these is said to be irreversible.
pub fn all_wrong(found: Vec<(&'static str, Down)>) {
    let missed: Vec<_> =
        found.into_iter().filter(|(_, down)| !matches!(down, Down::Irreversible { .. })).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// That none of these is.
pub fn all_right(found: Vec<(&'static str, Down)>) {
    let flagged: Vec<_> = found.into_iter().filter(|(_, down)| !matches!(down, Down::Restores)).collect();
    assert!(flagged.is_empty(), "{flagged:#?}");
}
