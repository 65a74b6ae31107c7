//! The example app as a program of its own, which the acceptance tests deploy: it starts in no time, and an image of it is small.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the wiring: the library gets its environment from here")]
fn main() -> ExitCode {
    shop::program(std::env::args().skip(1), |name| std::env::var(name).ok()).into()
}
