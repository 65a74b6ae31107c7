//! How long a short command takes, from its start to its end, without the shell that would start it: that takes milliseconds itself.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Runs it without input, and says the milliseconds.
pub fn run(command: &[&str]) -> Result<()> {
    let [program, arguments @ ..] = command else { bail!("took needs a command") };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("could not run {program}"))?;
    let took = begun.elapsed();
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    super::say("", format!("{:.2}", took.as_secs_f64() * 1000.0))
}
