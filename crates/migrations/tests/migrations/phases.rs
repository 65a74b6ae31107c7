//! Plain files taken apart into phases, and those that cannot be.

use crate::support::{named, one};
use bascule_migrations::{Format, Part, phase};
use bascule_sql::Dialect;
use insta::assert_snapshot;
use proptest::prelude::*;

fn phased(text: &str) -> String {
    phased_for(Dialect::Postgres, text)
}

fn phased_for(dialect: Dialect, text: &str) -> String {
    let set = named(Format::Dbmate, &[("1_x.sql", text)]);
    match phase(&set.migrations[0], dialect) {
        Ok(migration) => one(&migration),
        Err(error) => format!("{error}\n"),
    }
}

#[test]
fn files_in_phases() {
    let cases = [
        (
            "adds",
            "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nALTER TABLE b ADD COLUMN c int;\n-- migrate:down\nDROP TABLE a;",
        ),
        (
            "mixed",
            "ALTER TABLE users ADD COLUMN full_name text;\nUPDATE users SET full_name = name;\nALTER TABLE users DROP COLUMN name;\nDROP TABLE old;\n-- migrate:down\nCREATE TABLE old ();\nALTER TABLE users ADD COLUMN name text;\nALTER TABLE users DROP COLUMN full_name;",
        ),
        (
            "mixed in one statement",
            "ALTER TABLE t ADD COLUMN b int, DROP COLUMN a;\n-- migrate:down\nALTER TABLE t ADD COLUMN a int, DROP COLUMN b;",
        ),
        (
            "of its own making",
            "CREATE TABLE work AS SELECT 1 AS id;\nDROP TABLE work;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nSELECT f();\nDROP FUNCTION f();\n-- migrate:down\n",
        ),
        ("transaction around", "BEGIN;\nALTER TABLE t DROP COLUMN a;\nCOMMIT;\n-- migrate:down\n"),
        ("transaction inside", "SELECT 1;\nBEGIN;\nALTER TABLE t DROP COLUMN a;\nCOMMIT;\n-- migrate:down\n"),
        (
            "settings go along",
            "SET search_path TO shop;\nCREATE TABLE a ();\nSET lock_timeout = '1s';\nDROP TABLE b;\nDROP TABLE c;\n-- migrate:down\n",
        ),
        (
            "renames",
            "CREATE TABLE a ();\nALTER TABLE users RENAME COLUMN name TO full_name;\n-- migrate:down\n",
        ),
        ("another type", "ALTER TABLE orders ALTER COLUMN total TYPE numeric;\n-- migrate:down\n"),
        ("required column", "ALTER TABLE orders ADD COLUMN total int NOT NULL;\n-- migrate:down\n"),
        ("drop and make anew", "DROP TABLE a;\nCREATE TABLE a (id int);\n-- migrate:down\n"),
        (
            "index made anew",
            "DROP INDEX i;\nCREATE INDEX i ON t (a, b);\nDROP VIEW v;\nCREATE VIEW v AS SELECT 1;\n-- migrate:down\n",
        ),
        ("filled anew", "TRUNCATE prices;\nINSERT INTO prices VALUES (1);\n-- migrate:down\n"),
        ("not understood", "DO $$ BEGIN PERFORM 1; END $$;\nDROP TABLE a;\n-- migrate:down\n"),
        ("nothing", "-- migrate:down\n"),
    ];
    let mut text = String::new();
    for (what, sql) in cases {
        text += &format!("## {what}\n{}", phased(&format!("-- migrate:up\n{sql}")));
    }
    assert_snapshot!(text);
}

/// The twelve steps of SQLite's own documentation, and what only looks like them.
#[test]
fn a_table_that_is_made_anew() {
    const STEPS: &str = "CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT '');\nINSERT INTO new_t SELECT id, a FROM t;\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;\n";
    const BEHIND: &str = "CREATE INDEX t_a ON t (a);\nDROP VIEW v;\nCREATE VIEW v AS SELECT a FROM t;\n";
    let cases = [
        (
            "the twelve steps",
            Dialect::Sqlite,
            "",
            format!(
                "PRAGMA foreign_keys=OFF;\nBEGIN;\n{STEPS}{BEHIND}PRAGMA foreign_key_check;\nCOMMIT;\nPRAGMA foreign_keys=ON;\n"
            ),
        ),
        (
            "the same without a transaction of the tool",
            Dialect::Sqlite,
            " transaction:false",
            format!("BEGIN;\n{STEPS}COMMIT;\n"),
        ),
        ("in the transaction of the file", Dialect::Sqlite, "", format!("{STEPS}DROP TABLE other;\n")),
        (
            "two tables",
            Dialect::Sqlite,
            "",
            format!("{STEPS}{}", STEPS.replace("_t", "_u").replace(" t;", " u;")),
        ),
        ("in no transaction", Dialect::Sqlite, " transaction:false", STEPS.to_owned()),
        ("not filled", Dialect::Sqlite, "", STEPS.replace("INSERT INTO new_t SELECT id, a FROM t;\n", "")),
        ("another name", Dialect::Sqlite, "", STEPS.replace("RENAME TO t", "RENAME TO u")),
        (
            "filled as it is made",
            Dialect::Sqlite,
            "",
            "CREATE TABLE n AS SELECT a FROM t;\nDROP TABLE IF EXISTS T;\nALTER TABLE n RENAME TO \"t\";\n"
                .to_owned(),
        ),
        ("elsewhere", Dialect::Mysql, "", STEPS.to_owned()),
    ];
    let mut text = String::new();
    for (what, dialect, mark, sql) in cases {
        text += &format!(
            "## {what}\n{}",
            phased_for(dialect, &format!("-- migrate:up{mark}\n{sql}-- migrate:down\n"))
        );
    }
    assert_snapshot!(text);
}

#[test]
fn our_own_files_stay_as_they_are() {
    let set = named(Format::Bascule, &[("20260101120000_x.sql", "-- expand\nDROP TABLE a;\n")]);
    assert_eq!(phase(&set.migrations[0], Dialect::Postgres).as_ref(), Ok(&set.migrations[0]));
}

/// Statements that go together in any order, so that no file of them is refused.
const PIECES: [&str; 8] = [
    "CREATE TABLE a (id int)",
    "ALTER TABLE b ADD COLUMN c int",
    "INSERT INTO d VALUES (1)",
    "DROP TABLE e",
    "ALTER TABLE f DROP COLUMN g",
    "CREATE INDEX h ON i (j)",
    "DROP VIEW k",
    "DO $$ BEGIN NULL; END $$",
];

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_changes_its_turn(list in proptest::collection::vec(0..PIECES.len(), 0..12)) {
        let sql: String = list.iter().map(|at| format!("{};\n", PIECES[*at])).collect();
        let text = format!("-- migrate:up\n{sql}-- migrate:down\n");
        let set = named(Format::Dbmate, &[("1_x.sql", &text)]);
        let phased = phase(&set.migrations[0], Dialect::Postgres).unwrap();
        let (mut expand, mut contract) = (vec![], vec![]);
        for part in &phased.parts {
            match part {
                Part::Expand { statements } => expand.extend(statements.iter().map(|one| (one.line, one.text.as_str()))),
                Part::Contract { statements } => contract.extend(statements.iter().map(|one| (one.line, one.text.as_str()))),
                Part::Backfill(_) => unreachable!(),
            }
        }
        prop_assert!(expand.is_sorted() && contract.is_sorted());
        prop_assert!(expand.iter().all(|(_, text)| !text.contains("DROP")));
        prop_assert!(contract.iter().all(|(_, text)| text.contains("DROP")));
        let mut all: Vec<_> = expand.into_iter().chain(contract).collect();
        all.sort_unstable();
        let wanted: Vec<_> = list.iter().enumerate().map(|(at, piece)| (at + 2, PIECES[*piece])).collect();
        prop_assert_eq!(all, wanted);
    }
}
