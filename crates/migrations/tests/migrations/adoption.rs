//! Other tools' tables: what their rows mean, and that what is written can be read again.

use bascule_migrations::{
    Adopted, Adoption, AdoptionError, Comparison, Format, MigrationSet, Width, adoption, checksum,
};
use bascule_sql::Dialect;
use insta::assert_snapshot;

use crate::support::{auto, named};

fn table(tool: Format) -> Adoption {
    adoption(tool).unwrap()
}

/// A row: version, name, checksum, how it went, what it says.
fn rows(rows: &[[&str; 5]]) -> Vec<Vec<Option<String>>> {
    let cell = |cell: &&str| (*cell != "-").then(|| (*cell).to_owned());
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

fn shown(result: Result<Adopted, AdoptionError>) -> String {
    match result {
        Err(error) => error.to_string(),
        Ok(adopted) => {
            let one = |version: &str, comparison: &Comparison| match comparison {
                Comparison::Same => format!("{version}="),
                Comparison::Differs { .. } => format!("{version}!"),
                Comparison::Unknown => version.to_owned(),
            };
            let mut list: Vec<_> = adopted
                .migrations
                .iter()
                .map(|adopted| one(&adopted.version.0, &adopted.comparison))
                .collect();
            list.extend(adopted.unknown.iter().map(|row| format!("{}?", row.version)));
            list.join(" ")
        }
    }
}

fn letters() -> MigrationSet {
    auto(&[("V1__a_b.sql", "SELECT 1;\n"), ("V2__c.sql", "SELECT 2;\n"), ("R__my_view.sql", "SELECT 3;\n")])
}

#[test]
fn rows_are_matched_with_files() {
    let sqlx = auto(&[("0001_a.sql", "SELECT 1;\r\n"), ("2_b.sql", "SELECT 2;")]);
    let (first, second) = (checksum::sqlx(b"SELECT 1;\r\n"), checksum::sqlx(b"SELECT 2;"));
    let read = |tool, set: &MigrationSet, list: &[[&str; 5]]| shown(table(tool).adopt(set, &rows(list)));
    assert_eq!(
        read(
            Format::Sqlx,
            &sqlx,
            &[
                ["1", "a", &first, "1", "one"],
                ["2", "b", &first, "1", "one"],
                ["3", "c", &second, "1", "one"]
            ]
        ),
        "0001= 2! 3?"
    );
    assert!(
        read(Format::Sqlx, &sqlx, &[["2", "b", &second, "0", "one"]])
            .starts_with("sqlx has marked version 2 as failed")
    );
    let golang =
        auto(&[("1_a.up.sql", "SELECT 1;"), ("9_b.up.sql", "SELECT 2;"), ("10_c.up.sql", "SELECT 3;")]);
    assert_eq!(read(Format::GolangMigrate, &golang, &[["9", "-", "-", "1", "up to"]]), "1 9");
    assert!(
        read(Format::GolangMigrate, &golang, &[["8", "-", "-", "1", "up to"]]).contains("no file has it")
    );
    assert!(read(Format::GolangMigrate, &golang, &[["9", "-", "-", "0", "up to"]]).contains("failed"));
    assert_eq!(read(Format::GolangMigrate, &golang, &[]), "");
    let goose = named(Format::Goose, &[("00001_a.sql", "-- +goose Up\n"), ("2_b.sql", "-- +goose Up\n")]);
    let history = [
        ["1", "-", "-", "1", "one"],
        ["2", "-", "-", "1", "one"],
        ["2", "-", "-", "1", "gone"],
        ["1", "-", "-", "1", "one"],
    ];
    assert_eq!(read(Format::Goose, &goose, &history), "00001");
    let diesel = auto(&[("2026-01-01-120000_a/up.sql", "SELECT 1;")]);
    assert_eq!(read(Format::Diesel, &diesel, &[["20260101120000", "-", "-", "1", "one"]]), "20260101120000");
    let dbmate = auto(&[("01_a.sql", "-- migrate:up\n-- migrate:down\n")]);
    assert_eq!(
        read(Format::Dbmate, &dbmate, &[["01", "-", "-", "1", "one"], ["1", "-", "-", "1", "one"]]),
        "01 1?"
    );
    let flyway = checksum::flyway("SELECT 1;\n").to_string();
    assert_eq!(
        read(
            Format::Flyway,
            &letters(),
            &[
                ["1.0", "a b", &flyway, "1", "one"],
                ["2", "c", "7", "1", "one"],
                ["-", "my view", "7", "1", "one"]
            ]
        ),
        "1= 2! R__my_view!"
    );
    assert_eq!(read(Format::Flyway, &letters(), &[["1.5", "base", "-", "1", "up to"]]), "1");
}

#[test]
fn refinery_s_checksum_tells_how_wide_its_versions_are() {
    let set = auto(&[("V1__a_b.sql", "SELECT 1;\n")]);
    let read = |sum: u64| {
        table(Format::Refinery).adopt(&set, &rows(&[["1", "a_b", &sum.to_string(), "1", "one"]])).unwrap()
    };
    let narrow = read(checksum::refinery("a_b", 1, "SELECT 1;\n"));
    assert_eq!((narrow.migrations[0].comparison.clone(), narrow.width), (Comparison::Same, Width::Narrow));
    let wide = read(checksum::refinery_wide("a_b", 1, "SELECT 1;\n"));
    assert_eq!((wide.migrations[0].comparison.clone(), wide.width), (Comparison::Same, Width::Wide));
}

#[test]
fn tables_are_told_apart_by_their_columns() {
    let columns = |list: &[&str]| list.iter().map(|&column| column.to_owned()).collect::<Vec<_>>();
    let fits = |list: &[&str]| {
        let list = columns(list);
        let tools = Format::ALL.into_iter().filter_map(adoption).filter(|adoption| adoption.fits(&list));
        tools.map(|adoption| adoption.tool).collect::<Vec<_>>()
    };
    assert_eq!(fits(&["version"]), [Format::Dbmate]);
    assert_eq!(fits(&["version", "dirty"]), [Format::GolangMigrate]);
    assert_eq!(fits(&["version", "run_on"]), [Format::Diesel]);
    assert_eq!(fits(&["version", "inserted_at"]), []);
    assert_eq!(fits(&["version", "name", "applied_on", "checksum"]), [Format::Refinery]);
}

#[test]
fn the_sql_of_each_tool() {
    let mut text = String::new();
    let sets = [
        named(Format::Dbmate, &[("1_it's.sql", "-- migrate:up\n-- migrate:down\n")]),
        named(Format::GolangMigrate, &[("0001_a.up.sql", "SELECT 1;")]),
        named(Format::Goose, &[("00001_a.sql", "-- +goose Up\n")]),
        named(Format::Sqlx, &[("0001_it's_a.sql", "SELECT 1;")]),
        named(Format::Diesel, &[("2026-01-01-120000_a/up.sql", "SELECT 1;")]),
        named(Format::Refinery, &[("V1__a_b.sql", "SELECT 1;")]),
        named(Format::Flyway, &[("V1__a_b.sql", "SELECT 1;"), ("R__c_d.sql", "SELECT 1;")]),
    ];
    for set in &sets {
        let table = table(set.format);
        for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
            text += &format!(
                "## {} {dialect}\n{}\n{}\n",
                set.format,
                table.columns_query(dialect),
                table.read_query(dialect)
            );
            for statement in table.create(dialect) {
                text += &format!("{statement}\n");
            }
            for migration in &set.migrations {
                for statement in table.record(migration, "2026-01-01T12:00:00Z", dialect) {
                    text += &format!("{statement}\n");
                }
                for statement in table.forget(migration, None, dialect) {
                    text += &format!("{statement}\n");
                }
            }
        }
    }
    assert_snapshot!(text);
}
