//! What holds for every text.

use proptest::prelude::*;

use crate::{Dialect, pieces, split};

const POSTGRES: [&str; 8] = [
    "SELECT 1",
    "DO $$ BEGIN a; END $$",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END",
    "INSERT INTO t VALUES ('a;''b', E'\\';')",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)",
    "SELECT /* a; /* b */ ; */ 2",
    "BEGIN",
    "END",
];
const MYSQL: [&str; 7] = [
    "SELECT 1",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN IF NEW.a THEN SET NEW.b = 1; END IF; END",
    "CREATE PROCEDURE p() BEGIN CASE 1 WHEN 1 THEN SELECT 1; END CASE; END",
    "INSERT INTO t VALUES ('a\\';b', \"c;\", `d;`)",
    "/*!40101 SET NAMES utf8 */",
    "BEGIN",
    "SELECT CASE WHEN 1 THEN 2 END",
];
const SQLITE: [&str; 5] = [
    "SELECT 1",
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END; END",
    "INSERT INTO [t;] VALUES (';')",
    "BEGIN",
    "END",
];
const BETWEEN: [&str; 6] = [";", ";\n", " ;\r\n", ";\n-- c;\n", "; /* d; */\n", ";;\n"];

fn known() -> impl Strategy<Value = (Dialect, Vec<(&'static str, &'static str)>)> {
    let with = |dialect, texts: &'static [&'static str]| {
        prop::collection::vec((prop::sample::select(texts), prop::sample::select(&BETWEEN[..])), 0..12)
            .prop_map(move |parts| (dialect, parts))
    };
    prop_oneof![
        with(Dialect::Postgres, &POSTGRES),
        with(Dialect::Mysql, &MYSQL),
        with(Dialect::Sqlite, &SQLITE)
    ]
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Postgres), Just(Dialect::Mysql), Just(Dialect::Sqlite)]
}

proptest! {
    #[test]
    fn what_was_put_together_comes_apart_again((dialect, parts) in known()) {
        let text: String = parts.iter().flat_map(|(statement, between)| [*statement, *between]).collect();
        let found = split(&text, dialect).expect("known statements");
        let texts: Vec<&str> = found.iter().map(|statement| statement.text.as_str()).collect();
        let expected: Vec<&str> = parts.iter().map(|(statement, _)| *statement).collect();
        prop_assert_eq!(texts, expected);
    }

    #[test]
    fn pieces_stand_in_the_text_in_order((dialect, parts) in known()) {
        let text: String = parts.iter().flat_map(|(statement, between)| [*statement, *between]).collect();
        let mut behind = 0;
        for piece in pieces(&text, dialect).expect("known statements") {
            prop_assert!(behind <= piece.start && piece.start < piece.end && piece.end <= piece.after);
            prop_assert_eq!(&text[piece.start..piece.end], piece.statement.text.as_str());
            let line = 1 + text[..piece.start].matches('\n').count();
            prop_assert_eq!(piece.statement.line, line);
            behind = piece.after;
        }
    }

    #[test]
    fn a_statement_alone_splits_into_itself((dialect, parts) in known()) {
        for (statement, _) in parts {
            let found = split(statement, dialect).expect("a known statement");
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&split(&found[0].text, dialect).expect("itself")[0].text, &found[0].text);
        }
    }

    #[test]
    fn whatever_the_text_it_ends(bytes in prop::collection::vec(any::<u8>(), 0..200), dialect in dialects()) {
        let _ = split(&String::from_utf8_lossy(&bytes), dialect);
    }

    #[test]
    fn words_of_bodies_in_any_order_end(
        words in prop::collection::vec(prop::sample::select(&[
            "CREATE", "FUNCTION", "TRIGGER", "PROCEDURE", "BEGIN", "ATOMIC", "END", "IF", "CASE", "LOOP", "REPEAT", "DO",
            "DELIMITER", "//", "\n", ";", "(", ")", "$$", "'", "\"", "`", "/*!", "*/", "--", "#", "THEN", "\\", "ä",
        ][..]), 0..40),
        dialect in dialects(),
    ) {
        let _ = split(&words.join(" "), dialect);
    }
}
