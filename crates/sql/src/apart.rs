//! `ALTER TABLE` with several actions, taken apart into one statement for each.

use crate::lexer::{Kind, Lexer, Token};
use crate::{Dialect, Statement};

/// The same as one `ALTER TABLE` for each of its actions, in order; the statement as it is when it is no such one.
#[must_use]
pub fn apart(statement: &Statement, dialect: Dialect) -> Vec<Statement> {
    pieces(&statement.text, dialect).map_or_else(
        || vec![statement.clone()],
        |(head, pieces)| {
            let text = |piece: &&str| format!("{head} {piece}");
            pieces.iter().map(|piece| Statement { text: text(piece), line: statement.line }).collect()
        },
    )
}

fn pieces(text: &str, dialect: Dialect) -> Option<(String, Vec<&str>)> {
    let mut lexer = Lexer::new(text, dialect);
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token() {
        let token = token.ok()?;
        if token.kind.significant() {
            tokens.push(token);
        }
    }
    let written = |at: usize| tokens.get(at).map_or("", |token: &Token| &text[token.start..token.end]);
    let word = |at: usize, word: &str| written(at).eq_ignore_ascii_case(word);
    let mut at = 0;
    if !word(at, "ALTER") {
        return None;
    }
    at += 1;
    // MariaDB allows ONLINE and IGNORE.
    while word(at, "ONLINE") || word(at, "IGNORE") {
        at += 1;
    }
    if !word(at, "TABLE") {
        return None;
    }
    at += 1;
    if word(at, "IF") {
        at += 2;
    }
    if word(at, "ONLY") {
        at += 1;
    }
    while written(at + 1) == "." {
        at += 2;
    }
    at += 1;
    if written(at) == "*" {
        at += 1;
    }
    let first = tokens.get(at)?.start;
    let (mut depth, mut begin, mut end) = (0_i32, first, first);
    let mut pieces = Vec::new();
    for token in &tokens[at..] {
        let symbol = if token.kind == Kind::Symbol { &text[token.start..token.end] } else { "" };
        match symbol {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "," if depth == 0 => {
                pieces.push(&text[begin..end]);
                begin = token.end;
            }
            _ => {}
        }
        end = token.end;
    }
    pieces.push(&text[begin..end]);
    let pieces: Vec<_> = pieces.into_iter().map(str::trim).collect();
    // How MySQL is to go about it is nothing that it does, and may not hold for each action alone.
    let how = |piece: &&str| {
        let word = piece.split(|at: char| !at.is_ascii_alphabetic()).next().unwrap_or_default();
        dialect == Dialect::Mysql && ["ALGORITHM", "LOCK"].iter().any(|how| how.eq_ignore_ascii_case(word))
    };
    let pieces = pieces.into_iter().filter(|piece| !how(piece)).collect();
    Some((text[..first].trim_end().to_owned(), pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(dialect: Dialect, text: &str) -> Vec<String> {
        let statement = Statement { text: text.to_owned(), line: 7 };
        super::apart(&statement, dialect).into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn each_action_becomes_a_statement() {
        assert_eq!(
            apart(
                Dialect::Postgres,
                "ALTER TABLE IF EXISTS ONLY app.\"a,b\" DROP COLUMN x, -- gone, all of it\n ADD y numeric(10, 2) DEFAULT 'a,b'"
            ),
            [
                "ALTER TABLE IF EXISTS ONLY app.\"a,b\" DROP COLUMN x",
                "ALTER TABLE IF EXISTS ONLY app.\"a,b\" -- gone, all of it\n ADD y numeric(10, 2) DEFAULT 'a,b'"
            ]
        );
        assert_eq!(apart(Dialect::Mysql, "alter table `t` drop a"), ["alter table `t` drop a"]);
        assert_eq!(
            apart(Dialect::Mysql, "ALTER TABLE t DROP a, DROP b, ALGORITHM=INPLACE, LOCK = NONE"),
            ["ALTER TABLE t DROP a", "ALTER TABLE t DROP b"]
        );
        assert_eq!(apart(Dialect::Sqlite, "DROP TABLE a, b"), ["DROP TABLE a, b"]);
    }
}
