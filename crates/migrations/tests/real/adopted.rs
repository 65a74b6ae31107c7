//! Other tools' tables on real servers: made, written, read again, taken back.

use bascule_migrations::{Adopted, Comparison, File, Format, FormatWish, MigrationSet, adoption, read};

use crate::database::{Database, mariadb, postgres, sqlite};

fn sets() -> Vec<MigrationSet> {
    let folders: [(Format, &[(&str, &str)]); 7] = [
        (
            Format::Dbmate,
            &[
                ("1_it's.sql", "-- migrate:up\n-- migrate:down\n"),
                ("2_b.sql", "-- migrate:up\n-- migrate:down\n"),
            ],
        ),
        (Format::GolangMigrate, &[("1_a.up.sql", "SELECT 1;"), ("10_b.up.sql", "SELECT 2;")]),
        (Format::Goose, &[("00001_a.sql", "-- +goose Up\n"), ("2_b.sql", "-- +goose Up\n")]),
        (
            Format::Sqlx,
            &[("0001_it's_a \\ name.sql", "SELECT 1;\r\n"), ("20260101120000_b.sql", "SELECT 2;")],
        ),
        (
            Format::Diesel,
            &[("2025-01-01-120000_a/up.sql", "SELECT 1;"), ("20260101120000_b/up.sql", "SELECT 2;")],
        ),
        (Format::Refinery, &[("V1__a_b.sql", "SELECT 1;"), ("V2__c.sql", "SELECT 2;")]),
        (
            Format::Flyway,
            &[("V1.1__a_b.sql", "SELECT 1;"), ("V1.10__c d.sql", "SELECT 2;"), ("R__e_f.sql", "SELECT 3;")],
        ),
    ];
    let one = |(format, files): (Format, &[(&str, &str)])| {
        let files: Vec<_> = files.iter().map(|(path, text)| File::new(*path, text.as_bytes())).collect();
        read(&files, FormatWish::Named(format), bascule_sql::Dialect::Postgres).unwrap()
    };
    folders.into_iter().map(one).collect()
}

fn goes_and_comes_back(database: Option<Database>) {
    let Some(database) = database else { return };
    for set in sets() {
        let (tool, dialect) = (set.format, database.dialect);
        let what = format!("{tool} {dialect}");
        let name = format!("adopt_{}", tool.name().replace('-', "_"));
        database.fresh(&name);
        let run = |list: Vec<String>| {
            database.run(&name, &list).unwrap_or_else(|error| panic!("{what}: {error}\n{list:#?}"))
        };
        let table = adoption(tool).unwrap();
        assert_eq!(run(vec![table.columns_query(dialect)]), "", "{what}");
        run(table.create(dialect));
        let columns: Vec<_> = run(vec![table.columns_query(dialect)]).lines().map(str::to_owned).collect();
        assert!(table.fits(&columns), "{what}: {columns:?}");
        let adopted = || -> Adopted {
            let text = run(vec![table.read_query(dialect)]);
            let cell = |cell: &str| (cell != "NULL").then(|| cell.to_owned());
            let rows: Vec<Vec<_>> = text.lines().map(|line| line.split('|').map(cell).collect()).collect();
            table.adopt(&set, &rows).unwrap_or_else(|error| panic!("{what}: {error}"))
        };
        assert_eq!(adopted().migrations.len(), 0, "{what}");
        for migration in &set.migrations {
            run(table.record(migration, "2026-01-01T12:00:00Z", dialect));
        }
        let all = adopted();
        assert_eq!(all.migrations.len(), set.migrations.len(), "{what}: {all:?}");
        assert!(
            all.unknown.is_empty()
                && all.migrations.iter().all(|one| !matches!(one.comparison, Comparison::Differs { .. })),
            "{what}: {all:?}"
        );
        let last = set.migrations.len() - 1;
        run(table.forget(&set.migrations[last], Some(&set.migrations[last - 1]), dialect));
        let left = adopted();
        assert_eq!(left.migrations.len(), last, "{what}: {left:?}");
    }
}

#[test]
fn tables_of_other_tools_in_postgres() {
    goes_and_comes_back(postgres());
}

#[test]
fn tables_of_other_tools_in_mariadb() {
    goes_and_comes_back(mariadb());
}

#[test]
fn tables_of_other_tools_in_sqlite() {
    goes_and_comes_back(sqlite());
}
