//! Why a text cannot be split into statements.

use std::fmt;

use thiserror::Error;

/// What was opened and never closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// A string, `'…'` (`"…"` as well with MySQL).
    Text,
    /// A quoted name.
    Name,
    /// A comment, `/* … */`.
    Comment,
    /// A dollar-quoted string, with its tag (`$$`, `$body$`).
    Dollar(String),
    /// `BEGIN … END` of a function, a procedure or a trigger.
    Block,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a string"),
            Self::Name => f.write_str("a quoted name"),
            Self::Comment => f.write_str("a comment"),
            Self::Dollar(tag) => write!(f, "a string in {tag}"),
            Self::Block => f.write_str("a body (`BEGIN … END`)"),
        }
    }
}

/// Why a text cannot be split into statements.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SplitError {
    /// The text ends within something.
    #[error("line {line}: {opened} begins here and has no end. Close it")]
    Unclosed {
        /// Where it was opened, from 1.
        line: usize,
        /// What.
        opened: Opened,
    },
    /// Rows in the text that only a client program can send.
    #[error(
        "line {line}: `COPY … FROM stdin` takes its rows from a client program. Write the rows as INSERT, or use \
         `COPY … FROM 'file'`"
    )]
    CopyFromStdin {
        /// The line of `COPY`, from 1.
        line: usize,
    },
    /// A command to a client program, which no server understands.
    #[error(
        "line {line}: `{command}` is a command of the program {program}, not SQL. Take it out, or write it in SQL"
    )]
    ClientCommand {
        /// Its line, from 1.
        line: usize,
        /// The command's name (`\connect`, `.read`, `source`).
        command: String,
        /// Whose command it is (`psql`, `mysql`, `sqlite3`).
        program: &'static str,
    },
}

impl SplitError {
    /// The line that it is about, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Unclosed { line, .. } | Self::CopyFromStdin { line } | Self::ClientCommand { line, .. } => {
                *line
            }
        }
    }

    /// The same, where the text began at the given line of a longer one (1: the same text).
    #[must_use]
    pub fn moved(mut self, first_line: usize) -> Self {
        match &mut self {
            Self::Unclosed { line, .. } | Self::CopyFromStdin { line } | Self::ClientCommand { line, .. } => {
                *line += first_line.saturating_sub(1);
            }
        }
        self
    }
}
