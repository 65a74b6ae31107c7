//! A tool: how it names and marks its files, and how it is run.

use std::path::Path;

use bascule_sql::Dialect;

/// What a migration does.
pub struct Change {
    /// Its place in the order, from 1.
    pub number: u32,
    /// Its title; words with blanks between them.
    pub title: &'static str,
    /// What it does.
    pub up: String,
    /// What takes it back; empty when nothing does.
    pub down: String,
    /// Whether it must not be in a transaction.
    pub alone: bool,
}

/// Whether a tool knows the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// Its files have a part for it.
    Written,
    /// It knows up alone.
    None,
}

/// A tool.
pub trait Tool {
    /// Its files for a change: names and texts.
    fn files(&self, change: &Change) -> Vec<(String, String)>;

    /// Whether it knows the way back.
    fn way_back(&self) -> WayBack;

    /// The version of a change, as Bascule names it.
    fn version(&self, change: &Change) -> String;

    /// Applies what is pending, as its users do.
    async fn up(&self, folder: &Path, address: &str);
}

/// What the files do. Each but the third leaves a row in `log`, so that a second time would be seen.
pub fn change(number: u32, dialect: Dialect) -> Change {
    let change = |title, up: &str, down: &str| Change {
        number,
        title,
        up: up.to_owned(),
        down: down.to_owned(),
        alone: false,
    };
    match number {
        1 => change("log", "CREATE TABLE log (n int NOT NULL);\nINSERT INTO log VALUES (1);\n", ""),
        // Written on Windows.
        2 => change(
            "people and names",
            "CREATE TABLE person (id int PRIMARY KEY, name varchar(50));\r\n-- it's; one\r\nINSERT INTO log VALUES (2);\r\n",
            "DROP TABLE person;\r\nDELETE FROM log WHERE n = 2;\r\n",
        ),
        3 if dialect == Dialect::Postgres => Change {
            alone: true,
            ..change(
                "index",
                "CREATE INDEX CONCURRENTLY person_name ON person (name);\n",
                "DROP INDEX CONCURRENTLY person_name;\n",
            )
        },
        3 => change("index", "CREATE INDEX person_name ON person (name);\n", ""),
        4 => change(
            "e mail",
            "ALTER TABLE person ADD COLUMN email varchar(50);\nINSERT INTO log VALUES (4);\n",
            "ALTER TABLE person DROP COLUMN email;\nDELETE FROM log WHERE n = 4;\n",
        ),
        _ => change(
            "city",
            "CREATE TABLE city (id int PRIMARY KEY);\nINSERT INTO log VALUES (5);\n",
            "DROP TABLE city;\nDELETE FROM log WHERE n = 5;\n",
        ),
    }
}
