//! What findings look like for people and for programs.

use bascule_lint::{Context, Finding, Severity, fixed, json, lint, sarif, text};
use bascule_migrations::Migration;
use bascule_sql::{Dialect, split};
use jiff::civil::date;
use serde_json::Value;

const UP: &str = "\
-- Shops get their own names.
CREATE INDEX index_users_name ON users (name);

ALTER TABLE users
    RENAME COLUMN name TO full_name;
-- bascule:allow required-column until=2026-01-31 reason=\"nobody writes there\"
ALTER TABLE shops ADD COLUMN owner bigint NOT NULL;
UPDATE users SET full_name = trim(full_name) WHERE full_name <> trim(full_name) AND deleted_at IS NULL;
";

fn findings() -> Vec<Finding> {
    let statements = split(UP, Dialect::Postgres).expect("statements");
    let migration: Migration = serde_json::from_value(serde_json::json!({
        "version": "20260501120000", "name": "names", "path": "20260501120000_names of shops.sql", "up": UP,
        "down_file": null, "parts": [{ "phase": "expand", "statements": statements }], "down": null, "checks": [],
        "transactions": "usual", "checksum": "", "origin": { "format": "goose", "turn": "ordered" },
    }))
    .expect("a migration");
    lint(&[migration], &Context::of(Dialect::Postgres, date(2026, 6, 1)))
}

#[test]
fn for_people() {
    let page = text(&findings());
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    insta::assert_snapshot!(page);
    assert_eq!(text(&[]), "Nothing found.\n");
}

#[test]
fn for_programs() {
    let found = findings();
    let value = json(&found);
    assert_eq!(value["blocks"], 2);
    assert_eq!(value["findings"][0]["rule"], "index-blocks-writes");
    assert_eq!(value["findings"][0]["severity"], "warning");
    let again: Vec<Finding> = serde_json::from_value(value["findings"].clone()).expect("findings");
    assert_eq!(again, found);
}

/// With its keys in order, however the library keeps them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|one, two| one.0.cmp(&two.0));
            entries.into_iter().collect()
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[test]
fn for_code_hosts() {
    let mut value = sarif(&findings(), "0.1.0", "migrations");
    let rules = value["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules").len();
    assert_eq!(rules, bascule_lint::RULES.len());
    for result in value["runs"][0]["results"].as_array().expect("results") {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small one");
        assert_eq!(result["ruleId"], bascule_lint::RULES[index].name);
    }
    value["runs"][0]["tool"]["driver"]["rules"] = serde_json::json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&sorted(value)).expect("JSON"));
}

#[test]
fn fixes_touch_nothing_else() {
    let expected = UP.replace("CREATE INDEX index", "CREATE INDEX CONCURRENTLY index");
    assert_eq!(fixed(UP, &findings()), expected);
}

#[test]
fn severities_are_ordered() {
    assert!(Severity::Hint < Severity::Warning && Severity::Warning < Severity::Block);
}

mod whatever {
    use super::*;
    use proptest::prelude::*;

    const STATEMENTS: [&str; 24] = [
        "BEGIN",
        "COMMIT",
        "CREATE TABLE t (a int PRIMARY KEY, b text UNIQUE)",
        "CREATE TABLE u (a int REFERENCES t (a))",
        "DROP TABLE t",
        "ALTER TABLE u RENAME TO t",
        "ALTER TABLE t RENAME a TO c",
        "ALTER TABLE t ADD COLUMN d int NOT NULL, DROP COLUMN b",
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
        "ALTER TABLE t VALIDATE CONSTRAINT c",
        "ALTER TABLE t MODIFY a bigint",
        "CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a, b, lower(c), d)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
        "DROP INDEX i",
        "UPDATE t SET a = 1, a = 2",
        "DELETE FROM t",
        "CREATE OR REPLACE VIEW v AS SELECT * FROM t",
        "DROP VIEW v",
        "PRAGMA foreign_keys = OFF",
        "LOCK TABLE t",
        "SET lock_timeout = 0",
        "frobnicate ü",
        "-- bascule:allow drop-table until=2027-01-01 reason=\"x\"\nTRUNCATE t CASCADE",
    ];

    proptest! {
        #[test]
        fn the_order_of_statements_fixes_stay_within_the_text(
            chosen in prop::collection::vec(prop::sample::select(&STATEMENTS[..]), 0..12),
            dialect in prop::sample::select(&[Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite][..]),
        ) {
            let up = chosen.iter().fold(String::new(), |text, one| text + one + ";\n");
            let migration: Migration = serde_json::from_value(serde_json::json!({
                "version": "1", "name": "", "path": "1.sql", "up": up, "down_file": null,
                "parts": [{ "phase": "expand", "statements": split(&up, dialect).expect("statements") }],
                "down": null, "checks": [], "transactions": "usual", "checksum": "", "origin": { "format": "goose", "turn": "ordered" },
            })).expect("a migration");
            let found = lint(&[migration], &Context::of(dialect, date(2026, 6, 1)));
            for finding in &found {
                prop_assert!(finding.line >= 1 && finding.line <= up.lines().count().max(1));
                if let Some(edit) = &finding.fix {
                    prop_assert!(up.get(edit.start..edit.end).is_some());
                }
            }
            prop_assert!(split(&fixed(&up, &found), dialect).is_ok());
        }
    }
}
