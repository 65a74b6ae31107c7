//! The register as a program: `PORT=3000 DATABASE_URL=postgres://… COLUMN=name register`.
//!
//! Leaves with 0 after a stop, 2 for options it does not understand, 1 when it cannot serve.

use std::io::Write;
use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the wiring: the library gets its environment from here")]
fn main() -> ExitCode {
    match register::Options::read(|name| std::env::var(name).ok()).and_then(register::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell a closed stderr to.
            let _ = writeln!(std::io::stderr(), "register: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
