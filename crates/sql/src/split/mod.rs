//! A text in statements, as the dialect's own programs would take it apart.
//!
//! Each statement is a part of the text, byte for byte. What a server could not run, since it is meant for a client
//! program, is an error with its line.

mod body;
mod client;
#[cfg(test)]
mod tests;

use crate::{
    Comment, Dialect, Piece, SplitError, Statement,
    lexer::{Kind, Lexer, Unclosed},
};

use body::{Body, End};
use client::Delimiter;

/// The statements of a text, in order. Empty ones are left out.
///
/// # Errors
///
/// Where something is opened and not closed, and where the text needs a client program.
pub fn split(text: &str, dialect: Dialect) -> Result<Vec<Statement>, SplitError> {
    Ok(pieces(text, dialect)?.into_iter().map(|piece| piece.statement).collect())
}

/// The statements of a text with their places, in order. Empty ones are left out.
///
/// # Errors
///
/// As with [`split`].
pub fn pieces(text: &str, dialect: Dialect) -> Result<Vec<Piece>, SplitError> {
    let mut splitter = Splitter::new(text, dialect);
    while splitter.step()? {}
    splitter.finish()
}

/// The comments of a text with their places, in order; those within statements as well.
///
/// # Errors
///
/// Where something is opened and not closed.
pub fn comments(text: &str, dialect: Dialect) -> Result<Vec<Comment>, SplitError> {
    let mut lexer = Lexer::new(text, dialect);
    let mut lines = Lines::new(text);
    let mut found = Vec::new();
    while let Some(token) = lexer.token() {
        let token = token.map_err(|unclosed| unclosed_at(text, unclosed))?;
        if token.kind == Kind::Comment {
            let written = text[token.start..token.end].trim_end();
            found.push(Comment {
                text: written.to_owned(),
                line: lines.at(token.start),
                start: token.start,
                end: token.start + written.len(),
            });
        }
    }
    Ok(found)
}

fn unclosed_at(text: &str, unclosed: Unclosed) -> SplitError {
    SplitError::Unclosed { line: Lines::new(text).at(unclosed.start), opened: unclosed.opened }
}

/// Lines of places that only grow, so that the text is gone over once.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), counted: 0, line: 1 }
    }

    fn at(&mut self, place: usize) -> usize {
        if place > self.counted {
            self.line += self.bytes[self.counted..place].iter().filter(|&&byte| byte == b'\n').count();
            self.counted = place;
        }
        self.line
    }
}

/// The statement that is being read.
struct Open {
    start: usize,
    end: usize,
    line: usize,
    body: Body,
}

struct Splitter<'a> {
    text: &'a str,
    dialect: Dialect,
    lexer: Lexer<'a>,
    lines: Lines<'a>,
    open: Option<Open>,
    custom_delimiter: bool,
    pieces: Vec<Piece>,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            lexer: Lexer::new(text, dialect),
            lines: Lines::new(text),
            open: None,
            custom_delimiter: false,
            pieces: Vec::new(),
        }
    }

    /// Takes one token. Whether there was one.
    fn step(&mut self) -> Result<bool, SplitError> {
        if let Some(length) = self.lexer.at_delimiter()
            && !self.lexer.in_executable()
        {
            let after = self.lexer.position() + length;
            self.lexer.skip_to(after);
            self.close(after);
            return Ok(true);
        }
        let Some(token) = self.lexer.token() else { return Ok(false) };
        let token = token.map_err(|unclosed| unclosed_at(self.text, unclosed))?;
        if !token.kind.significant() {
            return Ok(true);
        }
        let written = &self.text[token.start..token.end];
        if self.open.is_none() {
            if written == ";" && !self.custom_delimiter {
                return Ok(true);
            }
            let line = self.lines.at(token.start);
            if let Some(delimiter) = client::delimiter(&self.text[token.start..], self.dialect, line)? {
                self.set_delimiter(token.start, &delimiter);
                return Ok(true);
            }
            if let Some(error) =
                client::command_at_start(&self.text[token.start..], token.kind, self.dialect, line)
            {
                return Err(error);
            }
            self.open =
                Some(Open { start: token.start, end: token.end, line, body: Body::new(self.dialect) });
        }
        if token.kind == Kind::Symbol && written == "\\" {
            client::backslash(&self.text[token.start..], self.dialect, self.lines.at(token.start))?;
        }
        let Some(open) = &mut self.open else { return Ok(true) };
        if open.body.feed(token.kind, written, token.start, self.lexer.in_executable()) == End::Here
            && !self.custom_delimiter
        {
            self.close(token.end);
            return Ok(true);
        }
        open.end = token.end;
        if open.body.copies_from_client() {
            return Err(SplitError::CopyFromStdin { line: open.line });
        }
        Ok(true)
    }

    fn close(&mut self, after: usize) {
        let Some(open) = self.open.take() else { return };
        let text = self.text[open.start..open.end].to_owned();
        self.pieces.push(Piece {
            statement: Statement { text, line: open.line },
            start: open.start,
            end: open.end,
            after,
        });
    }

    fn set_delimiter(&mut self, start: usize, delimiter: &Delimiter) {
        let written = &self.text.as_bytes()[start + delimiter.start..start + delimiter.end];
        self.custom_delimiter = written != b";";
        self.lexer.skip_to(start + delimiter.line_end);
        self.lexer.set_delimiter(self.custom_delimiter.then_some(written));
    }

    fn finish(mut self) -> Result<Vec<Piece>, SplitError> {
        if let Some(open) = &self.open {
            if let Some(place) = open.body.left_open(open.start)
                && !self.custom_delimiter
            {
                let opened = crate::error::Opened::Block;
                return Err(unclosed_at(self.text, Unclosed { start: place, opened }));
            }
            let end = open.end;
            self.close(end);
        }
        Ok(self.pieces)
    }
}
