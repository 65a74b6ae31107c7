//! A place, a key, tools, and a database.

use std::path::{Path, PathBuf};

use bascule_backup::{Backups, Folder, Key, Place};
use bascule_migrate::tools::Tools;
use bascule_migrate::{Address, Connection};
use jiff::Timestamp;

pub struct Bench {
    pub address: Address,
    pub backups: Backups,
    pub place: PathBuf,
    pub scratch: PathBuf,
    pub folder: tempfile::TempDir,
}

pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin";

pub fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

pub fn key() -> Key {
    Key::new([9; 32])
}

pub fn tools(scratch: &Path) -> Tools {
    Tools::new(PATH, scratch.to_owned())
}

impl Bench {
    pub fn of(address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = address.replace("FOLDER", &folder.path().display().to_string());
        let (place, scratch) = (folder.path().join("kept"), folder.path().join("scratch"));
        std::fs::create_dir(&scratch).unwrap();
        let backups =
            Backups::new(Place::Folder(Folder::open(place.clone()).unwrap()), key(), tools(&scratch));
        Self { address: Address::parse(&address).unwrap(), backups, place, scratch, folder }
    }

    pub async fn connect(&self) -> Connection {
        Connection::open(&self.address, "test").await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        connection.run(sql).await.unwrap();
        connection.close().await;
    }

    pub async fn ask(&self, sql: &str) -> String {
        let mut connection = self.connect().await;
        let value = connection.value(sql).await.unwrap().unwrap_or_default();
        connection.close().await;
        value
    }

    /// The names in the place, sorted.
    pub fn kept(&self) -> Vec<String> {
        names(&self.place)
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
