//! `demo`: an app going live, failing and coming back, under load, in a scratch folder.

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule demo                  about half a minute; everything is ended afterwards
  bascule demo --keep           leave it running, to look at
  bascule demo --output json    the same figures as data";

/// Options of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Leave the app, the edge and the control plane running
    #[arg(long)]
    keep: bool,
}

/// Runs it; exit status 7 when a request was lost.
///
/// # Errors
/// When a part of it could not be made.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    todo!()
}
