//! What is meant for `psql`, `mysql` or `sqlite3` and not for a server.

use crate::{Dialect, SplitError, lexer::Kind};

/// Commands of MySQL's client that begin no statement of SQL.
const MYSQL: [&str; 14] = [
    "source", "tee", "notee", "pager", "nopager", "prompt", "system", "edit", "ego", "go", "charset",
    "rehash", "quit", "connect",
];

/// A delimiter that MySQL's client is told of: its place behind the command, and the end of the line.
pub(super) struct Delimiter {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line_end: usize,
}

/// Reads `DELIMITER //` where a statement could begin.
pub(super) fn delimiter(text: &str, dialect: Dialect, line: usize) -> Result<Option<Delimiter>, SplitError> {
    const COMMAND: &str = "delimiter";
    let is_command = dialect == Dialect::Mysql
        && text.get(..COMMAND.len()).is_some_and(|word| word.eq_ignore_ascii_case(COMMAND))
        && text[COMMAND.len()..].chars().next().is_none_or(char::is_whitespace);
    if !is_command {
        return Ok(None);
    }
    let line_end = text.find('\n').unwrap_or(text.len());
    let rest = &text[COMMAND.len()..line_end];
    let argument = rest.split_whitespace().next().unwrap_or("");
    if argument.is_empty() {
        return Err(SplitError::ClientCommand {
            line,
            command: text[..COMMAND.len()].to_owned(),
            program: "mysql",
        });
    }
    let start = COMMAND.len() + (rest.len() - rest.trim_start().len());
    let quoted = argument.len() > 2
        && ["'", "\"", "`"].iter().any(|quote| argument.starts_with(quote) && argument.ends_with(quote));
    let inset = usize::from(quoted);
    Ok(Some(Delimiter { start: start + inset, end: start + argument.len() - inset, line_end }))
}

/// A command that is known by where it stands: at the beginning of a statement.
pub(super) fn command_at_start(text: &str, kind: Kind, dialect: Dialect, line: usize) -> Option<SplitError> {
    let command = text.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or("");
    let program = match dialect {
        Dialect::Mysql if kind == Kind::Word && MYSQL.iter().any(|one| one.eq_ignore_ascii_case(command)) => {
            "mysql"
        }
        Dialect::Sqlite if command.len() > 1 && command.starts_with('.') => "sqlite3",
        _ => return None,
    };
    Some(SplitError::ClientCommand { line, command: command.to_owned(), program })
}

/// A backslash outside of quotes: no server takes one, but for MariaDB's `\N`.
pub(super) fn backslash(text: &str, dialect: Dialect, line: usize) -> Result<(), SplitError> {
    let command = text.split(char::is_whitespace).next().unwrap_or("\\");
    let program = match dialect {
        Dialect::Postgres => "psql",
        Dialect::Mysql if !command.starts_with("\\N") => "mysql",
        _ => return Ok(()),
    };
    Err(SplitError::ClientCommand { line, command: command.to_owned(), program })
}
