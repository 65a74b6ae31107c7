//! Where text goes: results to standard output, everything about the way to them to standard error.
//!
//! Colours are taken out where nobody sees them (no terminal, `NO_COLOR`). A reader that has gone away (`| head`) is
//! [`Failure::Output`], which ends the program quietly; whoever must not stop for that ignores it.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

/// The form of what is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object, or one a line for what takes time.
    Json,
}

/// The two outputs.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// The form of results.
    pub format: Format,
}

impl Screen {
    /// Writes a line (or several) of a result.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn out(&self, text: &str) -> Result<(), Failure> {
        writeln!(anstream::stdout().lock(), "{}", text.trim_end_matches('\n')).map_err(Failure::Output)
    }

    /// Writes an object as one line of JSON.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::Output)
    }

    /// Writes a line (or several) beside the result. Nobody reading it is no reason to stop.
    pub fn note(&self, text: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// Whether somebody watches standard error.
    pub fn is_watched(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Whether text on standard error may have colours.
    pub fn has_colour(&self) -> bool {
        anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
    }
}
