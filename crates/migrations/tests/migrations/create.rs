//! New files in the convention of the folder.

use bascule_migrations::{Format, FormatWish, create, read};
use bascule_sql::Dialect;

use crate::support::{auto, folder};

const NOW: &str = "20260203040506";

fn paths(files: &[(&str, &str)]) -> Vec<String> {
    created(files, FormatWish::Auto)
}

/// The new files' paths; they have to be read again as what they are.
fn created(files: &[(&str, &str)], wish: FormatWish) -> Vec<String> {
    let set = read(&folder(files), wish, Dialect::Postgres).unwrap();
    let new = create(&set, " Add users' Table! ", NOW).unwrap();
    let mut all = folder(files);
    all.extend(
        new.files.iter().map(|file| bascule_migrations::File::new(file.path.clone(), file.text.as_bytes())),
    );
    let again = read(&all, FormatWish::Named(set.format), Dialect::Postgres).unwrap();
    let last = again.migrations.last().unwrap();
    assert_eq!((again.migrations.len(), &last.version), (set.migrations.len() + 1, &new.version));
    new.files.into_iter().map(|file| file.path).collect()
}

#[test]
fn a_new_file_follows_the_convention_and_comes_last() {
    assert_eq!(paths(&[]), ["20260203040506_add_users_table.sql"]);
    assert_eq!(paths(&[("20270101000000_x.sql", "-- expand\n")]), ["20270101000001_add_users_table.sql"]);
    let dbmate = "-- migrate:up\n-- migrate:down\n";
    assert_eq!(paths(&[("20260101000000_x.sql", dbmate)]), ["20260203040506_add_users_table.sql"]);
    assert_eq!(paths(&[("0009_x.sql", "SELECT 1;")]), ["0010_add_users_table.sql"]);
    assert_eq!(
        paths(&[("000009_x.up.sql", "SELECT 1;"), ("000009_x.down.sql", "SELECT 1;")]),
        ["000010_add_users_table.up.sql", "000010_add_users_table.down.sql"]
    );
    assert_eq!(paths(&[("00001_x.sql", "-- +goose Up\n")]), ["00002_add_users_table.sql"]);
    assert_eq!(
        paths(&[("2026-01-01-000000_x/up.sql", "SELECT 1;")]),
        ["2026-02-03-040506_add_users_table/up.sql", "2026-02-03-040506_add_users_table/down.sql"]
    );
    assert_eq!(paths(&[("V1.9__x.sql", "SELECT 1;")]), ["V2__add_users_table.sql"]);
    for format in Format::ALL {
        assert!(!created(&[], FormatWish::Named(format)).is_empty(), "{format}");
    }
    assert!(create(&auto(&[]), " -- ", NOW).is_err());
}
