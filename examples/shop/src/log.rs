//! The shop's log: plain lines on standard output, as a twelve-factor application writes them. A closed output is no
//! reason to stop serving, so failures to write are dropped.

use std::io::Write;

pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "shop: {text}").and_then(|()| out.flush());
}
