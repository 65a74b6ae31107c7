//! `ship`: takes a commit through the pipeline, to production or as far as one says.

use bascule_model::ids::EnvironmentName;
use bascule_pipeline::Wanted;

use crate::context::Context;
use crate::failure::Failure;
use crate::shipping::{self, Asked};

const AFTER_HELP: &str = "\
Examples:
  bascule ship                      the last commit, through every stage
  bascule ship --to staging         up to the stage that deploys there
  bascule ship --commit v1.4.0      another commit
  bascule ship --output json        one event a line, the outcome last";

/// Options of `ship`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Stop after the stage that deploys to this environment
    #[arg(long, value_name = "ENV")]
    to: Option<EnvironmentName>,

    #[command(flatten)]
    asked: Asked,
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let wanted = Wanted::Ship(args.to.as_ref().map(ToString::to_string));
    shipping::ship(context, &args.asked, &wanted)
}
