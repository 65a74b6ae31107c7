//! The shop as a program: `shop --port 3000`, or with the port in `$PORT`.
//!
//! Reads the environment, runs the library, and turns how it ended into an exit code: 0 after a stop, 2 for options it
//! does not understand, 1 when it cannot listen, and whatever a fault asks for.

use std::io::Write;
use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the wiring: the library gets its environment from here")]
fn main() -> ExitCode {
    let options = shop::Options::read(std::env::args().skip(1), |name| std::env::var(name).ok());
    match options.and_then(shop::run) {
        Ok(shop::Ended::Stopped) => ExitCode::SUCCESS,
        Ok(shop::Ended::ExitedAtStart(code)) => ExitCode::from(code),
        Ok(shop::Ended::Crashed) => std::process::abort(),
        Err(error) => {
            // Nothing is left to tell a closed stderr to.
            let _ = writeln!(std::io::stderr(), "shop: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
