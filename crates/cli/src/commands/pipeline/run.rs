//! `pipeline run`: the stages before the first deploy, one stage, or one job.

use bascule_pipeline::Wanted;

use crate::context::Context;
use crate::failure::Failure;
use crate::shipping::{self, Asked};

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline run                 every stage before the first deploy
  bascule pipeline run testing         one stage
  bascule pipeline run unit --dirty    one job, on the folder as it stands";

/// Options of `pipeline run`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// A stage, or a job with those that it needs [default: all before a deploy]
    #[arg(value_name = "STAGE|JOB")]
    part: Option<String>,

    #[command(flatten)]
    asked: Asked,
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let wanted = args.part.clone().map_or(Wanted::Checks, Wanted::Part);
    shipping::ship(context, &args.asked, &wanted)
}
