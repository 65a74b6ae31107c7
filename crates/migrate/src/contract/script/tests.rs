use bascule_sql::Statement;

use super::*;
use crate::contract::{ColumnFacts, Constraint};

fn burial(kind: Kind, table: &str, part: Option<&str>) -> Burial {
    Burial {
        id: "0a1b2c3d".to_owned(),
        position: 0,
        kind,
        name: Name::bare(table),
        table: None,
        part: part.map(str::to_owned),
        if_exists: false,
        cascade: false,
        statement: Statement { text: "DROP …".to_owned(), line: 1 },
        inverse: Vec::new(),
        keepers: Vec::new(),
    }
}

fn there() -> Facts {
    Facts { there: true, ..Facts::default() }
}

#[test]
fn a_column_is_renamed_and_asks_nothing_of_inserts_any_more() {
    let foreign = Constraint {
        table: "users".to_owned(),
        name: "users_team".to_owned(),
        definition: "FOREIGN KEY (team) REFERENCES teams(id)".to_owned(),
        not_valid: NotValid::Possible,
    };
    let column = ColumnFacts {
        not_null: true,
        required: true,
        default: Some("1".to_owned()),
        ..ColumnFacts::default()
    };
    let facts = Facts { constraints: vec![foreign], column, ..there() };
    let made =
        script(&burial(Kind::Column, "users", Some("team")), &facts, Dialect::Postgres).unwrap().unwrap();
    assert_eq!(
        made.run,
        [
            r#"ALTER TABLE users DROP CONSTRAINT "users_team""#,
            r#"ALTER TABLE users ALTER COLUMN "team" DROP NOT NULL, ALTER COLUMN "team" DROP DEFAULT"#,
            r#"ALTER TABLE users RENAME COLUMN "team" TO "_gone_team_0a1b2c3d""#,
        ]
    );
    assert_eq!(
        made.undo,
        [
            r#"ALTER TABLE users RENAME COLUMN "_gone_team_0a1b2c3d" TO "team""#,
            r#"ALTER TABLE users ALTER COLUMN "team" SET DEFAULT 1"#,
            r#"ALTER TABLE users ADD CONSTRAINT "users_team" FOREIGN KEY (team) REFERENCES teams(id) NOT VALID"#,
        ]
    );
    assert_eq!(made.hard, [r#"ALTER TABLE IF EXISTS users DROP COLUMN IF EXISTS "_gone_team_0a1b2c3d""#]);
    assert!(made.note.is_some());
}

#[test]
fn mysql_changes_name_and_definition_in_one_statement() {
    let column = ColumnFacts {
        not_null: true,
        required: true,
        definition: "enum('a NOT NULL','b') NOT NULL COMMENT 'it is NOT NULL'".to_owned(),
        ..ColumnFacts::default()
    };
    let facts = Facts { column, ..there() };
    let made = script(&burial(Kind::Column, "users", Some("team")), &facts, Dialect::Mysql).unwrap().unwrap();
    assert_eq!(
        made.run,
        [
            "ALTER TABLE users CHANGE COLUMN `team` `_gone_team_0a1b2c3d` enum('a NOT NULL','b') NULL COMMENT 'it is NOT NULL'"
        ]
    );
}

#[test]
fn where_there_is_nothing_to_lose_a_drop_is_a_drop() {
    let table = burial(Kind::Table, "users", None);
    for facts in [Facts::default(), Facts { empty: true, ..there() }] {
        assert_eq!(script(&table, &facts, Dialect::Postgres), Ok(None));
    }
}

#[test]
fn what_others_need_does_not_go() {
    let facts = Facts { dependents: vec!["view active".to_owned()], ..there() };
    let mut table = burial(Kind::Table, "users", None);
    let error = script(&table, &facts, Dialect::Postgres).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table users cannot go: view active still needs it; drop that first, in the same contract"
    );
    // With CASCADE it follows the table to its tombstone, and goes with it.
    table.cascade = true;
    let made = script(&table, &facts, Dialect::Postgres).unwrap().unwrap();
    assert_eq!(made.hard, [r#"DROP TABLE IF EXISTS "_gone_users_0a1b2c3d" CASCADE"#]);
}

#[test]
fn a_type_stays_until_the_hard_part() {
    let made = script(&burial(Kind::Type, "mood", None), &there(), Dialect::Postgres).unwrap().unwrap();
    assert_eq!((made.run.len(), made.hard.len()), (0, 1));
}
