//! Folders in each convention, with the traps that people's folders hold.

use crate::support::{auto, folder, named, refused, shown};
use bascule_migrations::{File, Format, FormatWish, Outline, Transactions, read};
use bascule_sql::Dialect;
use insta::assert_snapshot;

#[test]
fn our_own() {
    assert_snapshot!(shown(&auto(&[
        (
            "20260101120000_add_full_name.sql",
            "-- Full names.\n\n-- expand\nALTER TABLE users ADD COLUMN full_name text;\n-- a comment\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n-- down\nSELECT 1;\n$$;\n\n-- backfill table=public.users key=shop,id batch=500 gate=contract\nUPDATE users SET full_name = name WHERE full_name IS NULL;\n\n-- contract\nALTER TABLE users DROP COLUMN name;\n\n-- down\nDROP FUNCTION f;\nALTER TABLE users DROP COLUMN full_name;\n\n-- check\nSELECT id FROM users WHERE full_name IS NULL;\n",
        ),
        ("20260101110000_first.sql", "-- expand\r\nCREATE TABLE users (id int);\r\n"),
        ("README.md", "# Migrations"),
    ])));
}

#[test]
fn dbmate() {
    assert_snapshot!(shown(&auto(&[
        ("9_late.sql", "-- migrate:up\nSELECT 9;\n-- migrate:down\n"),
        ("10_early.sql", "-- migrate:up\nSELECT 10;\n\n-- migrate:down\nSELECT -10;\n"),
        (
            "20260101120000-with a space.sql",
            "\u{feff}-- A comment.\r\n\r\n-- migrate:up transaction:false\r\nCREATE INDEX CONCURRENTLY a ON t (a);\r\nCREATE INDEX CONCURRENTLY b ON t (b);\r\n-- migrate:down transaction:false\r\nDROP INDEX CONCURRENTLY a, b;\r\n"
        ),
        ("20260102.sql", "--migrate:up\nDROP TABLE schema_migrations;\n--migrate:down\n"),
        (
            "20260103_twice.sql",
            "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT -1;\n-- migrate:up\nSELECT 2;\n-- migrate:down\nSELECT -2;\n"
        ),
        ("schema.sql", "CREATE TABLE t ();"),
        ("old/1_x.sql", "SELECT 1;"),
        (".gitkeep", ""),
    ])));
}

#[test]
fn golang_migrate() {
    assert_snapshot!(shown(&auto(&[
        ("10_ten.up.sql", "BEGIN;\nSELECT 10;\nCOMMIT;\n"),
        ("10_ten.down.sql", ""),
        ("000009_nine.up.sql", "CREATE INDEX CONCURRENTLY i ON t (c);"),
        ("20260101120000_add users.up.sql", "CREATE TABLE users ();"),
        ("20260101120000_add users.down.sql", "DROP TABLE users;\n"),
        ("notes.txt", ""),
    ])));
}

#[test]
fn golang_migrate_leaves_a_file_without_a_side_out() {
    let files = [("1_a.up.sql", "SELECT 1;"), ("2_b.sql", "SELECT 2;")];
    assert_eq!(auto(&files).format, Format::Sqlx);
    assert_snapshot!(shown(&named(Format::GolangMigrate, &files)));
}

#[test]
fn goose() {
    assert_snapshot!(shown(&auto(&[
        (
            "00002_function.sql",
            "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n  RETURN 1;\nEND\n$$ LANGUAGE plpgsql;\n-- +goose StatementEnd\n-- +goose StatementBegin\nCREATE TABLE a ();\nCREATE TABLE b ();\n-- +goose StatementEnd\nSELECT 1;\n\n-- +goose Down\n-- +goose StatementBegin\nDROP FUNCTION f;\n-- +goose StatementEnd\n"
        ),
        ("1_first.sql", "-- a comment\n-- +goose UP\r\nCREATE TABLE t (id int);\r\n-- +goose down\r\n"),
        (
            "20260101120000_concurrent index.sql",
            "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY a ON t (id);\nCREATE INDEX CONCURRENTLY b ON t (id);\n"
        ),
        (
            "00003_env.sql",
            "-- +goose Up\n-- +goose ENVSUB ON\nSELECT 'costs 5 $';\n-- +goose ENVSUB OFF\nSELECT '${NOT_REPLACED}';\n"
        ),
        ("seeds.sql", "SELECT 1;"),
        ("helpers.go", "package migrations"),
        ("00002_function_test.go", "package migrations"),
    ])));
}

#[test]
fn sqlx() {
    assert_snapshot!(shown(&auto(&[
        ("10_ten.sql", "SELECT 10;"),
        (
            "0009_nine.sql",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON t (a);\nCREATE INDEX CONCURRENTLY b ON t (b);\n"
        ),
        ("11_eleven.up.sql", "SELECT 11;"),
        ("11_eleven.down.sql", ""),
        ("12_marked late.sql", "-- a comment first\n-- no-transaction\nSELECT 12;"),
        ("13_crlf.sql", "\u{feff}SELECT 13;\r\n"),
        ("noversion.sql", "SELECT 0;"),
        ("sub/14_x.sql", "SELECT 14;"),
    ])));
}

#[test]
fn sqlx_in_two_sides_is_told_from_golang_migrate_by_its_mark() {
    let set = auto(&[("1_a.up.sql", "-- no-transaction\nSELECT 1;"), ("1_a.down.sql", "SELECT -1;")]);
    assert_eq!(set.format, Format::Sqlx);
    assert_eq!(set.migrations[0].transactions, Transactions::None);
    let set = auto(&[("1_a.up.sql", "SELECT 1;"), ("1_a.down.sql", "SELECT -1;")]);
    assert_eq!((set.format, set.equally), (Format::GolangMigrate, vec![Format::Sqlx]));
}

#[test]
fn diesel() {
    assert_snapshot!(shown(&auto(&[
        ("2026-01-01-120000_mixed_style/up.sql", "SELECT 3;\r\n"),
        ("20251231120000_other_style/up.sql", "SELECT 2;"),
        ("20251231120000_other_style/down.sql", "\n"),
        ("00000000000000_diesel_initial_setup/up.sql", "SELECT 1;"),
        ("00000000000000_diesel_initial_setup/down.sql", "SELECT -1;"),
        (
            "2026-01-02-000000_no transaction/up.sql",
            "CREATE INDEX CONCURRENTLY a ON t (a);\nCREATE INDEX CONCURRENTLY b ON t (b);"
        ),
        ("2026-01-02-000000_no transaction/metadata.toml", "run_in_transaction = false\n"),
        ("2026-01-03-000000_forgotten_key/up.sql", "SELECT 5;"),
        ("2026-01-03-000000_forgotten_key/metadata.toml", "# nothing\n"),
        ("2026-01-04-000000_broken_toml/up.sql", ""),
        ("2026-01-04-000000_broken_toml/metadata.toml", "run_in_transaction: false"),
        ("2026-01-04-000000_broken_toml/README.md", "x"),
        ("schema.rs", "x"),
        (".diesel_lock", ""),
    ])));
}

#[test]
fn refinery() {
    assert_snapshot!(shown(&named(
        Format::Refinery,
        &[
            ("V10__ten.sql", "SELECT 10;"),
            ("V9__nine.sql", "SELECT 9;\r\n"),
            ("U3__merged_late.sql", "SELECT 3;"),
            ("2026/V20260101120000__nested.sql", "SELECT 11;"),
            ("V11__with a space.sql", "SELECT 11;"),
            ("V12_single.sql", "SELECT 12;"),
        ]
    )));
}

#[test]
fn flyway() {
    assert_snapshot!(shown(&auto(&[
        ("V1.10__ten.sql", "SELECT 10;"),
        ("V1_9__with a space.sql", "SELECT 9;\r\n"),
        ("V2.0__two.SQL", "CREATE INDEX CONCURRENTLY a ON t (a);\nCREATE INDEX CONCURRENTLY b ON t (b);"),
        ("V2.0__two.SQL.conf", "executeInTransaction=false\n"),
        ("U1.10__ten.sql", "SELECT -10;"),
        ("R__views.sql", "CREATE OR REPLACE VIEW v AS SELECT 1;"),
        ("R__a view.sql", "CREATE OR REPLACE VIEW w AS SELECT 1;"),
        ("sub/V3__kept_placeholder.sql", "SELECT '${x}';"),
        ("sub/V3__kept_placeholder.sql.conf", "placeholderReplacement=false"),
        ("V4_single.sql", "SELECT 4;"),
        ("B1.9__baseline.sql", "SELECT 0;"),
        ("afterMigrate.sql", "SELECT 1;"),
        ("README.md", ""),
    ])));
}

#[test]
fn letters_alone_are_read_the_same_by_two_tools() {
    let set = auto(&[("V1__a.sql", "SELECT 1;"), ("V2__b.sql", "SELECT 2;")]);
    assert_eq!((set.format, set.equally), (Format::Flyway, vec![Format::Refinery]));
    let set = auto(&[("V1__a.sql", "SELECT 1;"), ("U1__a.sql", "SELECT -1;")]);
    assert_eq!((set.format, set.equally.len()), (Format::Flyway, 0));
    let set = auto(&[("V1__a.sql", "SELECT 1;"), ("U2__b.sql", "SELECT 2;")]);
    assert_eq!((set.format, set.equally.len()), (Format::Refinery, 0));
}

#[test]
fn an_empty_folder_will_be_ours() {
    assert_snapshot!(shown(&auto(&[(".gitkeep", ""), ("README.md", "x")])), @r"
    bascule: the folder holds no migrations yet
    note README.md: is no SQL
    ");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    type Files<'a> = &'a [(&'a str, &'a str)];
    let auto = FormatWish::Auto;
    let is = FormatWish::Named;
    let cases: [(&str, FormatWish, Files<'_>); 44] = [
        ("own: statement first", auto, &[("20260101120000_x.sql", "SELECT 1;\n-- expand\n")]),
        ("own: no section", is(Format::Bascule), &[("20260101120000_x.sql", "\nSELECT 1;\n")]),
        ("own: slip", auto, &[("20260101120000_x.sql", "-- expand\nSELECT 1;\n-- contracts\nSELECT 2;")]),
        ("own: twice", auto, &[("20260101120000_x.sql", "-- expand\nSELECT 1;\n-- expand\nSELECT 2;")]),
        (
            "own: unknown key",
            auto,
            &[("20260101120000_x.sql", "-- expand\n-- backfill table=t key=id bacth=5\nUPDATE t SET a = 1;")],
        ),
        ("own: no key", auto, &[("20260101120000_x.sql", "-- backfill table=t\nUPDATE t SET a = 1;")]),
        (
            "own: batch",
            auto,
            &[("20260101120000_x.sql", "-- backfill table=t key=id batch=0\nUPDATE t SET a = 1;")],
        ),
        (
            "own: gate",
            auto,
            &[("20260101120000_x.sql", "-- backfill table=t key=id gate=traffic\nUPDATE t SET a = 1;")],
        ),
        (
            "own: two backfills in one",
            auto,
            &[(
                "20260101120000_x.sql",
                "-- backfill table=t key=id\nUPDATE t SET a = 1;\nUPDATE t SET b = 1;",
            )],
        ),
        ("own: sentence", auto, &[("20260101120000_x.sql", "-- expand\n-- contract comes later\nSELECT 1;")]),
        ("own: name", is(Format::Bascule), &[("1_x.sql", "-- expand\n")]),
        ("own: other marker", is(Format::Bascule), &[("20260101120000_x.sql", "-- migrate:up\nSELECT 1;")]),
        (
            "own: duplicate",
            auto,
            &[("20260101120000_x.sql", "-- expand\n"), ("20260101120000_y.sql", "-- expand\n")],
        ),
        ("own: unknown recipe", auto, &[("20260101120000_x.sql", "\n-- recipe rename-colum table=t\n")]),
        (
            "own: recipe without",
            auto,
            &[("20260101120000_x.sql", "-- recipe rename-column table=t from=a to=b\n")],
        ),
        (
            "own: recipe key",
            auto,
            &[("20260101120000_x.sql", "-- recipe drop-column table=t column=a fil=0\n")],
        ),
        (
            "own: statement below recipe",
            auto,
            &[("20260101120000_x.sql", "-- recipe drop-column table=t column=a\nSELECT 1;")],
        ),
        ("dbmate: no down", auto, &[("1_x.sql", "-- migrate:up\nSELECT 1;\n")]),
        ("dbmate: down first", auto, &[("1_x.sql", "-- migrate:down\n-- migrate:up\n")]),
        ("dbmate: two downs", auto, &[("1_x.sql", "-- migrate:up\n-- migrate:down\n-- migrate:down\n")]),
        ("dbmate: statement first", auto, &[("1_x.sql", "SELECT 1;\n-- migrate:up\n-- migrate:down\n")]),
        (
            "dbmate: duplicate",
            auto,
            &[
                ("1_x.sql", "-- migrate:up\n-- migrate:down\n"),
                ("1_y.sql", "-- migrate:up\n-- migrate:down\n"),
            ],
        ),
        ("golang: down alone", auto, &[("1_x.up.sql", ""), ("2_x.down.sql", "")]),
        ("golang: duplicate", auto, &[("1_x.up.sql", ""), ("01_y.up.sql", "")]),
        ("golang: too large", auto, &[("18446744073709551615_x.up.sql", "")]),
        ("goose: go", auto, &[("1_x.sql", "-- +goose Up\n"), ("2_y.go", "package x")]),
        ("goose: indented", auto, &[("1_x.sql", "-- +goose Up\n  -- +goose Down\n")]),
        ("goose: unknown", auto, &[("1_x.sql", "-- +goose Up\n-- +goose StatementEnds\n")]),
        ("goose: unclosed", auto, &[("1_x.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n")]),
        ("goose: zero", auto, &[("0_x.sql", "-- +goose Up\n")]),
        (
            "goose: environment",
            auto,
            &[("1_x.sql", "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${SCHEMA}';\n")],
        ),
        ("goose: statement first", auto, &[("1_x.sql", "SELECT 1;\n-- +goose Up\n")]),
        ("sqlx: no number", auto, &[("1_x.sql", "SELECT 1;"), ("x_y.sql", "SELECT 1;")]),
        ("sqlx: duplicate", auto, &[("1_x.sql", "SELECT 1;"), ("01_y.sql", "SELECT 1;")]),
        ("diesel: no up", auto, &[("1_a/up.sql", "x"), ("2_b/down.sql", "x")]),
        ("diesel: neither", auto, &[("1_a/up.sql", "x"), ("2_b/up.SQL", "x")]),
        ("diesel: duplicate", auto, &[("2026-01-01_a/up.sql", "x"), ("20260101_b/up.sql", "x")]),
        ("refinery: rust", auto, &[("V1__a.sql", "SELECT 1;"), ("V2__b.rs", "x")]),
        ("refinery: fraction", is(Format::Refinery), &[("V1.2__a.sql", "SELECT 1;")]),
        ("flyway: java", auto, &[("V1__a.sql", "SELECT 1;"), ("V2__b.java", "x")]),
        ("flyway: undo alone", is(Format::Flyway), &[("V1__a.sql", "SELECT 1;"), ("U2__b.sql", "SELECT 2;")]),
        ("two letters' tools", auto, &[("V1__a.sql", "SELECT '${x}';")]),
        (
            "two markers",
            auto,
            &[("1_a.sql", "-- migrate:up\n-- migrate:down\n"), ("2_b.sql", "-- +goose Up\n")],
        ),
        ("nobody's", auto, &[("postgresql/2020_x/up.sql", "SELECT 1;")]),
    ];
    let mut text = String::new();
    for (what, wish, files) in cases {
        text += &format!("{what}\n    {}\n", refused(wish, files));
    }
    assert_snapshot!(text);
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_line() {
    let files = [File::new("1_x.sql", b"SELECT 1;\nSELECT '\xff';".as_slice())];
    let error = read(&files, FormatWish::Auto, Dialect::Postgres).unwrap_err();
    assert_eq!(error.to_string(), "1_x.sql:2: the file is not UTF-8: save it as UTF-8, or take the byte out");
}

#[test]
fn what_no_server_could_run_is_named_with_its_line() {
    let error = refused(FormatWish::Auto, &[("1_x.sql", "SELECT 1;\n\\connect other\n")]);
    assert!(error.starts_with("1_x.sql:2: `\\connect`"), "{error}");
    let error = refused(
        FormatWish::Auto,
        &[("1_x.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\n\nCOPY t FROM stdin;\n1\n\\.\n")],
    );
    assert!(error.starts_with("1_x.sql:5: `COPY"), "{error}");
}

#[test]
fn line_ends_and_the_mark_change_no_checksum() {
    let of = |text: &str| auto(&[("1_x.sql", text)]).migrations[0].checksum.clone();
    assert_eq!(of("SELECT 1;\nSELECT 2;\n"), of("\u{feff}SELECT 1;\r\nSELECT 2;\r\n"));
    assert_ne!(of("SELECT 1;\n"), of("SELECT 1;\n\n"));
}

fn outline(files: &[File], wish: FormatWish) -> Option<Vec<Outline>> {
    Outline::all(files.iter().map(|file| Outline::of(file, wish)))
}

#[test]
fn an_outline_is_what_reading_says_of_versions_and_checksums() {
    let files: &[(&str, &str)] = &[
        ("20260101120000_b.sql", "-- expand\nSELECT 1;\n"),
        ("20260101110000_a.sql", "\u{feff}-- expand\r\nSELECT 2;\r\n"),
    ];
    let set = auto(files);
    let expected = set.migrations.iter().map(|migration| Outline {
        version: migration.version.clone(),
        checksum: migration.checksum.clone(),
    });
    assert_eq!(outline(&folder(files), FormatWish::Auto).unwrap(), expected.collect::<Vec<_>>());
    assert_eq!(set.migrations.len(), 2);
    let section = "-- expand\nSELECT 1;\n";
    for (what, others) in [
        ("no SQL", vec![("README.md", "x")]),
        ("a subfolder", vec![("more/20260101130000_c.sql", section)]),
        ("a name without a version", vec![("c.sql", section)]),
        ("a version twice", vec![("20260101120000_c.sql", section)]),
    ] {
        let all = [files, others.as_slice()].concat();
        assert_eq!(outline(&folder(&all), FormatWish::Named(Format::Bascule)), None, "{what}");
    }
    let dbmate = [("1_x.sql", "-- migrate:up\nSELECT 1;\n")];
    assert_eq!(outline(&folder(&dbmate), FormatWish::Auto), None);
    let broken = [File::new("20260101120000_b.sql", b"-- expand\n\xff".to_vec())];
    assert_eq!(outline(&broken, FormatWish::Auto), None);
}
