//! The register's migrations in the words of each kind of database: the table, and the rename of its column. PostgreSQL's are those
//! of the example; the others' are by the recipe.

use std::path::Path;

use super::server::Kind;

/// The table, with the column `name`.
pub const PEOPLE: &str = "20260101090000_people";
/// `name` becomes `full_name`: both are kept the same until the contract.
pub const FULL_NAME: &str = "20260214101500_full_name";

/// The text of one of them.
pub fn text(name: &str, kind: Kind) -> String {
    let made = |key: &str, column: &str| {
        format!("-- expand\nCREATE TABLE person (id {key}, name {column});\n-- down\nDROP TABLE person;\n")
    };
    let renamed = |column: &str| {
        format!("-- recipe rename-column table=person from=name to=full_name type={column} key=id null=yes\n")
    };
    match (kind, name) {
        (Kind::Postgres, _) => {
            let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/register/migrations");
            std::fs::read_to_string(examples.join(format!("{name}.sql"))).unwrap()
        }
        (Kind::MariaDb, PEOPLE) => made("bigint AUTO_INCREMENT PRIMARY KEY", "varchar(200)"),
        (Kind::MariaDb, _) => renamed("varchar(200)"),
        (Kind::Sqlite, PEOPLE) => made("INTEGER PRIMARY KEY", "text"),
        (Kind::Sqlite, _) => renamed("text"),
    }
}

/// Two thousand people.
pub fn inserted(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => "INSERT INTO person (name) SELECT 'person ' || n FROM generate_series(1, 2000) n",
        Kind::MariaDb => "INSERT INTO person (name) SELECT concat('person ', seq) FROM seq_1_to_2000",
        Kind::Sqlite => {
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000) \
             INSERT INTO person (name) SELECT 'person ' || n FROM n"
        }
    }
}
