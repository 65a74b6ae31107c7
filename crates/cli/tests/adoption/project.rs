//! A project with a database of its own, and Bascule as its user calls it.

use std::path::PathBuf;
use std::process::{Command, Output};

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::{Address, Connection};
use bascule_sql::Dialect;
use serde_json::Value;
use tempfile::TempDir;

const PASSWORD: &str = "adoption";
const MANIFEST: &str = "app = \"people\"\n\n[services.web]\ncommand = [\"./people\"]\nport = 3000\n\n\
    [database]\nurl = \"${DATABASE_URL}\"\nmigrations = \"migrations\"\n\n\
    [environments.staging]\ntarget = \"process\"\nlisten = \"127.0.0.1:8080\"\n";

/// A project.
pub struct Project {
    root: TempDir,
    /// Where its database is, as tools read addresses.
    pub address: String,
}

impl Project {
    /// With a database of that kind; none, and says so, where its server is not installed.
    pub fn on(dialect: Dialect) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let address = match dialect {
            Dialect::Postgres => {
                let server = Postgres::shared()?;
                server.psql("postgres", &format!("ALTER ROLE postgres PASSWORD '{PASSWORD}'"));
                server.address_over_tcp("postgres", PASSWORD, &server.database())
            }
            Dialect::Mysql => {
                let server = MariaDb::shared()?;
                format!("mysql://root@127.0.0.1:{}/{}", server.port(), server.database())
            }
            Dialect::Sqlite => format!("sqlite:{}", root.path().join("people.db").display()),
        };
        let project = Self { root, address };
        std::fs::create_dir_all(project.migrations()).unwrap();
        std::fs::write(project.folder().join("bascule.toml"), MANIFEST).unwrap();
        Some(project)
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// The folder of the migrations.
    pub fn migrations(&self) -> PathBuf {
        self.folder().join("migrations")
    }

    /// Puts files into it.
    pub fn put(&self, files: &[(String, String)]) {
        for (name, text) in files {
            std::fs::write(self.migrations().join(name), text).unwrap();
        }
    }

    /// Calls `bascule migrate`; gives its exit status and the last line of what it said.
    pub fn migrate(&self, words: &[&str]) -> (i32, Value) {
        let output = self.call(words);
        let said = String::from_utf8(output.stdout).unwrap();
        let last = said.lines().last().unwrap_or_default();
        let last = serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), last)
    }

    /// What a command says beside its result.
    pub fn notes(&self, words: &[&str]) -> String {
        String::from_utf8(self.call(words).stderr).unwrap()
    }

    fn call(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bascule"))
            .arg("migrate")
            .args(words)
            .args(["--output", "json"])
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.path())
            .env("BASCULE_STATE", self.root.path().join("state"))
            .env("DATABASE_URL", &self.address)
            .output()
            .unwrap()
    }

    /// The same, when it has to go well.
    #[track_caller]
    pub fn well(&self, words: &[&str]) -> Value {
        let (status, said) = self.migrate(words);
        assert_eq!(status, 0, "{words:?}: {said}");
        said
    }

    /// What a query gives, a row after the other.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        let address = Address::parse(&self.address).unwrap();
        let mut connection = Connection::open(&address, "bascule-test").await.unwrap();
        let rows = connection.rows(sql).await.unwrap();
        connection.close().await;
        rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join("|")).collect()
    }
}
