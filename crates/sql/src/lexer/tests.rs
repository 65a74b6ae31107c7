//! Tokens of each dialect, and that no byte is lost.

use proptest::prelude::*;

use super::{Kind, Lexer};
use crate::Dialect::{self, Mysql, Postgres, Sqlite};

fn tokens(text: &str, dialect: Dialect) -> Vec<(Kind, &str)> {
    let mut lexer = Lexer::new(text, dialect);
    let mut found = Vec::new();
    while let Some(token) = lexer.token() {
        match token {
            Ok(token) => found.push((token.kind, &text[token.start..token.end])),
            Err(unclosed) => panic!("{text}: {unclosed:?}"),
        }
    }
    found
}

#[test]
fn what_a_dialect_quotes_is_one_token() {
    let rows: &[(Dialect, &str, Kind)] = &[
        (Postgres, "'it''s'", Kind::Text),
        (Postgres, r"'c:\'", Kind::Text),
        (Postgres, r"E'it\'s'", Kind::Text),
        (Postgres, "U&'\\0041'", Kind::Text),
        (Postgres, "U&\"d\\0061t\"", Kind::Name),
        (Postgres, "$$a;'b$$", Kind::Text),
        (Postgres, "$body$ $$ $ $bod$ $body$", Kind::Text),
        (Postgres, "$ä$x$ä$", Kind::Text),
        (Postgres, "\"a\"\"b\"", Kind::Name),
        (Postgres, "/* a /* b */ c */", Kind::Comment),
        (Postgres, "--x;", Kind::Comment),
        (Postgres, "$1", Kind::Symbol),
        (Postgres, "a$b$c", Kind::Word),
        (Postgres, "1.5e-10", Kind::Number),
        (Mysql, r"'it\'s'", Kind::Text),
        (Mysql, "\"a;\\\"b\"", Kind::Text),
        (Mysql, "_utf8mb4'x;'", Kind::Text),
        (Mysql, "`a``;b`", Kind::Name),
        (Mysql, "# x;", Kind::Comment),
        (Mysql, "-- x;", Kind::Comment),
        (Mysql, "--", Kind::Comment),
        (Mysql, "/* a /* b */", Kind::Comment),
        (Mysql, "$a", Kind::Word),
        (Sqlite, "[a;b]", Kind::Name),
        (Sqlite, "`a;b`", Kind::Name),
        (Sqlite, r"'c:\'", Kind::Text),
        (Sqlite, "x'00'", Kind::Text),
    ];
    for (dialect, text, kind) in rows {
        assert_eq!(tokens(text, *dialect), [(*kind, *text)], "{dialect}: {text}");
    }
}

#[test]
fn a_minus_before_a_minus_is_no_comment_for_mysql() {
    assert_eq!(tokens("5--1", Mysql).len(), 4);
    assert_eq!(tokens("5--1", Postgres), [(Kind::Number, "5"), (Kind::Comment, "--1")]);
}

#[test]
fn what_is_in_an_executable_comment_is_code() {
    let kinds: Vec<Kind> = tokens("/*!50003 SET x=1 */", Mysql).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds.first(), Some(&Kind::ExecutableBegin));
    assert_eq!(kinds.last(), Some(&Kind::ExecutableEnd));
    assert_eq!(tokens("/*M!100000 x */", Mysql)[0], (Kind::ExecutableBegin, "/*M!100000"));
    assert_eq!(tokens("/*!50003 x */", Sqlite).len(), 1);
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Postgres), Just(Mysql), Just(Sqlite)]
}

proptest! {
    #[test]
    fn every_byte_is_in_one_token(text in r#"[\x00-\x7fäß$'"`/*;\-\\ \n]{0,80}"#, dialect in dialects()) {
        let mut lexer = Lexer::new(&text, dialect);
        let mut end = 0;
        while let Some(token) = lexer.token() {
            match token {
                Ok(token) => {
                    prop_assert_eq!(token.start, end);
                    prop_assert!(token.end > token.start);
                    prop_assert!(text.is_char_boundary(token.end));
                    end = token.end;
                }
                Err(unclosed) => {
                    prop_assert!(text.is_char_boundary(unclosed.start));
                    end = text.len();
                }
            }
        }
        prop_assert_eq!(end, text.len());
    }
}
