//! dbmate: its own program, from npm (`scripts/test` brings it) or wherever it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use bascule_sql::Dialect;

use crate::course;
use crate::tool::{Change, Tool, WayBack};

/// Its program.
struct Dbmate(PathBuf);

impl Dbmate {
    /// Where it is; none, and says so, where it is not installed.
    #[expect(clippy::disallowed_methods, reason = "where programs are, is said from outside")]
    fn installed() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join("dbmate")).find(|at| at.is_file());
        if found.is_none() {
            println!("NOT RUN: dbmate is not installed (`scripts/test` takes it from npm)");
        }
        found.map(Self)
    }
}

impl Tool for Dbmate {
    fn files(&self, change: &Change) -> Vec<(String, String)> {
        let mark = if change.alone { " transaction:false" } else { "" };
        let text = format!("-- migrate:up{mark}\n{}\n-- migrate:down{mark}\n{}", change.up, change.down);
        vec![(format!("{} {}.sql", self.version(change), change.title), text)]
    }

    fn way_back(&self) -> WayBack {
        WayBack::Written
    }

    fn version(&self, change: &Change) -> String {
        format!("2026010100000{}", change.number)
    }

    async fn up(&self, folder: &Path, address: &str) {
        let mut command = Command::new(&self.0);
        command.arg("--migrations-dir").arg(folder).args(["--no-dump-schema", "--wait", "up"]);
        let output = command.env_clear().env("DATABASE_URL", address).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

async fn on(dialect: Dialect) {
    if let Some(dbmate) = Dbmate::installed() {
        course::there_and_back(&dbmate, dialect).await;
    }
}

#[tokio::test]
async fn on_postgres() {
    on(Dialect::Postgres).await;
}

#[tokio::test]
async fn on_mariadb() {
    on(Dialect::Mysql).await;
}

#[tokio::test]
async fn on_sqlite() {
    on(Dialect::Sqlite).await;
}
