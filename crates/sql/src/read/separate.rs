//! One statement of several parts made several statements.

use super::cursor::Cursor;
use crate::{Dialect, Statement};

/// The parts of an `ALTER TABLE`, a statement each, in order. Any other statement, and one that a part of is about
/// how it is done (`ALGORITHM`, `LOCK`), is left as it is.
#[must_use]
pub fn separate(statement: &Statement, dialect: Dialect) -> Vec<Statement> {
    parts(&statement.text, dialect).map_or_else(
        || vec![statement.clone()],
        |texts| texts.into_iter().map(|text| Statement { text, line: statement.line }).collect(),
    )
}

fn parts(text: &str, dialect: Dialect) -> Option<Vec<String>> {
    let mut cursor = Cursor::new(text, dialect);
    if !cursor.words(&["ALTER", "TABLE"]) {
        return None;
    }
    cursor.if_exists();
    cursor.word("ONLY");
    cursor.name()?;
    cursor.symbol("*");
    let head = cursor.since(0);
    let mut parts = Vec::new();
    loop {
        if cursor.is_any(&["ALGORITHM", "LOCK"]) {
            return None;
        }
        let start = cursor.position();
        cursor.skip_to_comma();
        parts.push(format!("{head} {}", cursor.since(start)));
        if !cursor.symbol(",") {
            break;
        }
    }
    (parts.len() > 1 && cursor.at_end()).then_some(parts)
}
