//! The server's disk is full: it is said, nothing is half done that the journal does not know, and with room again the next run comes
//! to its end. The disk is a small file system in memory, for which one has to be root.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::{Error, Phases, Wish};
use bascule_migrations::Migration;
use bascule_sql::Dialect;

use crate::support::database::Database;
use crate::support::{migration, open};

/// A small file system over a folder, for a user; taken away in the end.
struct Disk(PathBuf);

impl Disk {
    fn small(folder: &Path, user: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        if !run("mount", &["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", folder.to_str()?]) {
            println!("NOT RUN: mounting a file system is not allowed here (it needs root)");
            return None;
        }
        let disk = Self(folder.to_owned());
        assert!(run("chown", &[&format!("{user}:{user}"), folder.to_str()?]));
        Some(disk)
    }

    /// Fills it to its last byte.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// It is large from now on.
    fn make_room(&self) {
        let _ = std::fs::remove_file(self.0.join("filler"));
        assert!(run("mount", &["-o", "remount,size=512m", self.0.to_str().unwrap()]));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server still has files open there.
        let _ = run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

fn run(program: &str, words: &[&str]) -> bool {
    let status = Command::new(program).args(words).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A table that fits, and one with 60 MB behind another statement.
fn set(dialect: Dialect) -> Vec<Migration> {
    let rows = match dialect {
        Dialect::Postgres => "SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 60000) n",
        _ => "SELECT seq, repeat(md5(seq), 30) FROM seq_1_to_60000",
    };
    let much = format!(
        "CREATE TABLE b (id int PRIMARY KEY, t text);\nALTER TABLE a ADD COLUMN c int;\nINSERT INTO b {rows};"
    );
    vec![
        migration(dialect, "1", "CREATE TABLE a (id int PRIMARY KEY)", None),
        migration(dialect, "2", &much, None),
    ]
}

/// First in the middle of a migration, then before the first byte of the journal.
async fn is_told_and_survived(database: &Database, disk: &Disk) {
    let set = set(database.dialect());
    let wish = Wish::new(Phases::Expand);
    let mut migrator = open(&database.address).await;
    let error = migrator.up(&set, &wish).await.unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
    assert!(error.remedy().contains("make room"), "{}", error.remedy());
    migrator.close().await;
    // Nothing of a table that the journal does not know.
    let mut migrator = open(&database.address).await;
    let journal = migrator.journal().await.unwrap();
    let known: Vec<&str> = journal.records.iter().map(|one| one.version.0.as_str()).collect();
    assert_eq!(known.first(), Some(&"1"), "{known:?}");
    let rows = migrator.connection().value("SELECT count(*) FROM b").await;
    match database.dialect() {
        Dialect::Postgres => assert_eq!((known.len(), rows.is_err()), (1, true), "it left nothing"),
        _ => assert_eq!((known.len(), rows.unwrap().as_deref()), (2, Some("0")), "it is in the journal"),
    }
    disk.fill();
    let full = migrator.up(&set, &wish).await;
    assert!(full.is_err(), "{full:?}");
    migrator.close().await;
    disk.make_room();
    let mut migrator = open(&database.address).await;
    migrator.up(&set, &wish).await.unwrap();
    assert!(migrator.status(&set).await.unwrap().clean());
    assert!(migrator.ailments(&set).await.unwrap().is_empty());
    assert_eq!(database.ask("SELECT count(*), count(c) FROM a").await, "0|0");
    assert_eq!(database.ask("SELECT count(*) FROM b").await, "60000");
    migrator.close().await;
}

#[tokio::test]
async fn postgres_has_no_room() {
    let Some(server) = Postgres::start(&[]) else { return };
    let folder = server.folder().join("small");
    let Some(disk) = Disk::small(&folder, "postgres") else { return };
    server.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", folder.display()));
    server.psql("postgres", "CREATE DATABASE narrow TABLESPACE small");
    is_told_and_survived(&Database::at(server.address("narrow")), &disk).await;
}

#[tokio::test]
async fn mariadb_has_no_room() {
    let Some(server) = MariaDb::start(&[]) else { return };
    let name = server.database();
    let folder = server.folder().join("data").join(&name);
    let Some(disk) = Disk::small(&folder, "mysql") else { return };
    is_told_and_survived(&Database::at(server.address(&name)), &disk).await;
}
