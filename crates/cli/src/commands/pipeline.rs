//! `pipeline`: a part of the pipeline, and what became of its runs.

mod abort;
mod list;
mod logs;
mod run;
mod show;

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline run                 every stage before the first deploy
  bascule pipeline run unit            one job, with those that it needs
  bascule pipeline show                the newest run: each job, times, reports
  bascule pipeline list                all runs";

/// Options of `pipeline`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Run the checks, a stage or a job
    Run(run::Args),
    /// Show a run: each stage and job, times, why
    Show(show::Args),
    /// List the runs, the newest first
    List(list::Args),
    /// Show what a job wrote
    Logs(logs::Args),
    /// End a run that is under way
    Abort(abort::Args),
}

/// Runs it.
///
/// # Errors
/// Those of the command.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    match &args.what {
        What::Run(args) => run::run(args, context),
        What::Show(args) => show::run(args, context),
        What::List(args) => list::run(args, context),
        What::Logs(args) => logs::run(args, context),
        What::Abort(args) => abort::run(args, context),
    }
}
