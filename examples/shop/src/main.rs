//! `shop --port 3000`, or with the port in `$PORT`.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the wiring: the library gets its environment from here")]
fn main() -> ExitCode {
    shop::program(std::env::args().skip(1), |name| std::env::var(name).ok()).into()
}
