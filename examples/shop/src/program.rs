//! The shop as a program, whoever wires it up: it reads its options, runs, and says how it ended as an exit status.

use std::io::Write as _;

use crate::{Ended, Options, run};

/// Runs the shop until it is told to stop; `arguments` are without the program's name, `variable` gives those of the environment.
///
/// Answers the exit status: 0 after a stop, 2 for options that it does not understand, 1 when it cannot listen, and whatever a fault
/// asks for. What went wrong is on standard error. A crash that a fault asks for does not come back.
pub fn program(arguments: impl IntoIterator<Item = String>, variable: impl Fn(&str) -> Option<String>) -> u8 {
    match Options::read(arguments, variable).and_then(run) {
        Ok(Ended::Stopped) => 0,
        Ok(Ended::ExitedAtStart(code)) => code,
        Ok(Ended::Crashed) => std::process::abort(),
        Err(error) => {
            // Nothing is left to tell a closed stderr to.
            let _ = writeln!(std::io::stderr(), "shop: {error}");
            error.exit_code()
        }
    }
}
