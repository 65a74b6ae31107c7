//! One statement of a text, as it stands there.

use serde::{Deserialize, Serialize};

/// One statement, without what ends it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Statement {
    /// The statement, as it is written, comments within it included.
    pub text: String,
    /// The line of its first word in the text that it was taken from, from 1.
    pub line: usize,
}

/// A statement with its place in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The statement.
    pub statement: Statement,
    /// Where it begins: its first word.
    pub start: usize,
    /// Where it ends: behind its last word.
    pub end: usize,
    /// Behind what ends it (`;`, or the client's delimiter); the same as `end` where nothing does.
    pub after: usize,
}

/// A comment with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The comment, `--` or `/* … */` included, without a line's end.
    pub text: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}
