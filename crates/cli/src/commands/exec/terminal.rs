//! The terminal that this program was called on: its size, and the mode in which every key goes to the command.

use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// What a terminal has whose size nobody knows: rows and columns.
const USUAL: (u16, u16) = (24, 80);

/// Rows and columns.
pub fn size() -> (u16, u16) {
    let known = tcgetwinsize(stdout()).or_else(|_| tcgetwinsize(stdin())).ok();
    known
        .map(|size| (size.ws_row, size.ws_col))
        .filter(|(rows, columns)| *rows > 0 && *columns > 0)
        .unwrap_or(USUAL)
}

/// While it lives, keys go through as they are: no echo, no lines, no signals.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// Begins; none where standard input is no terminal.
    pub fn enter() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // What was written goes out first, in the mode that it was written for.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.before);
    }
}
