//! A failed statement in words: where it is written, what the server says, and what is left.

use super::script::{Blamed, What};
use super::work::Work;
use crate::error::{DatabaseError, Error, FailedStatement};

/// Lines before and behind the one that is meant.
const AROUND: usize = 2;

/// What went wrong, for a person. `left` says what is left of the migration.
pub fn failed(work: &Work<'_>, blamed: Blamed, member: usize, error: DatabaseError, left: &str) -> Error {
    let place =
        format!("{}:{}", work.path, work.statements.get(member).map_or(0, |statement| statement.line));
    let doing = match blamed.what {
        What::Statement(at) => {
            let line = work.statements.get(at).map_or(0, |statement| statement.line);
            format!("applying {}:{line}", work.path)
        }
        _ => format!("applying {place}"),
    };
    if let Some(general) = Error::general(&doing, &error) {
        return general;
    }
    match blamed.what {
        What::Fence => Error::Fenced,
        What::Journal => Error::Query { doing: "writing the journal", source: error },
        What::Frame => Error::Query { doing: "a transaction", source: error },
        What::Statement(at) => statement(work, at, blamed.offset, error, left),
    }
}

fn statement(work: &Work<'_>, at: usize, offset: Option<usize>, server: DatabaseError, left: &str) -> Error {
    let Some(statement) = work.statements.get(at) else {
        return Error::Query { doing: "applying a migration", source: server };
    };
    let before = offset.map(|offset| statement.text.chars().take(offset).collect::<String>());
    let line = statement.line + before.as_ref().map_or(0, |before| before.matches('\n').count());
    let excerpt = excerpt(work.text, &statement.text, statement.line, before.as_deref());
    Error::Statement(Box::new(FailedStatement {
        version: work.version.0.clone(),
        path: work.path.to_owned(),
        line,
        excerpt,
        server,
        left: left.to_owned(),
    }))
}

/// The lines around the place, with their numbers, and a mark under it.
fn excerpt(file: &str, statement: &str, first_line: usize, before: Option<&str>) -> String {
    let lines: Vec<&str> = file.lines().collect();
    // The file as it is, where the statement stands in it; else the statement alone.
    let first_word = statement.lines().next().unwrap_or_default();
    let in_file = lines.get(first_line.wrapping_sub(1)).is_some_and(|line| line.contains(first_word));
    let (lines, first_number): (Vec<&str>, usize) =
        if in_file { (lines, 1) } else { (statement.lines().collect(), first_line) };
    let target = first_line + before.map_or(0, |before| before.matches('\n').count());
    let mut column = before.map(|before| before.rsplit('\n').next().unwrap_or_default().chars().count());
    if in_file && target == first_line {
        let indent = lines.get(first_line - 1).and_then(|line| line.find(first_word)).unwrap_or(0);
        column = column.map(|column| column + indent);
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let number = first_number + at;
        if number + AROUND < target || number > target + AROUND {
            continue;
        }
        text.push_str(&format!("{number:>5} | {line}\n"));
        if let Some(column) = column.filter(|_| number == target) {
            text.push_str(&format!("      | {:column$}^\n", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_marks_the_place() {
        let file = "-- a\nCREATE TABLE a (\n  n inte,\n  m int\n);\n";
        let statement = "CREATE TABLE a (\n  n inte,\n  m int\n)";
        let before = "CREATE TABLE a (\n  n ";
        assert_eq!(
            excerpt(file, statement, 2, Some(before)),
            "    1 | -- a\n    2 | CREATE TABLE a (\n    3 |   n inte,\n      |     ^\n    4 |   m int\n    5 | );\n"
        );
        // Of a statement that only the journal knows.
        assert_eq!(excerpt("", "DROP TABLE x", 1, None), "    1 | DROP TABLE x\n");
        // Not at the beginning of its line.
        assert_eq!(
            excerpt("BEGIN; SELECT x", "SELECT x", 1, Some("SELECT ")),
            "    1 | BEGIN; SELECT x\n      |               ^\n"
        );
    }
}
