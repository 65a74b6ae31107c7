//! `edge`: the proxy that carries the traffic, in this process.

use bascule_edge::{EdgeOptions, run as run_edge};
use bascule_model::problem::{Code, Problem};

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule edge                         `bascule serve` starts it like this
  bascule edge --state /var/lib/shop   takes over from the one that runs there";

/// Options of `edge`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Threads that carry traffic [default: one per core, at most 4]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    workers: usize,
}

/// Runs it until it is told to leave and all that was in flight has ended.
///
/// # Errors
/// When the state folder cannot be used or the system refuses threads or sockets.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let mut options = EdgeOptions::new(context.state()?, env!("CARGO_PKG_VERSION"));
    options.workers = args.workers;
    Ok(run_edge(options).map_err(|error| {
        Problem::new(
            Code::EdgeUnavailable,
            with_sources(&error),
            "`bascule doctor` says what is missing on this machine",
        )
    })?)
}

/// The error and what lies under it, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    text
}
