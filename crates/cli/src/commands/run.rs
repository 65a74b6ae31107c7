//! `run show`: the report of a run; with `--follow` first to its end.

use bascule_model::ids::RunId;
use bascule_model::problem::Exit;
use bascule_server::api::Started;

use crate::commands::ended;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule run show run-1k2m3n4p5q6            each step, times, evidence, why
  bascule run show run-1k2m3n4p5q6 --follow   while it goes on";

const AFTER_HELP_SHOW: &str = "\
Examples:
  bascule run show run-1k2m3n4p5q6                  the report
  bascule run show run-1k2m3n4p5q6 --follow         watch it; exit status of its outcome
  bascule run show run-1k2m3n4p5q6 --output json    as data, with every event";

/// Options of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the report: each step, times, evidence, and why
    Show(Show),
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP_SHOW)]
struct Show {
    /// The run, as `bascule history` lists it
    #[arg(value_name = "RUN")]
    run: String,

    /// Follow it to its end; the exit status is that of its outcome
    #[arg(long, short)]
    follow: bool,
}

/// Runs it.
///
/// # Errors
/// When there is no such run, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let What::Show(args) = &args.what;
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let run = RunId::from_text(&args.run);
        if args.follow {
            let outcome = ended::followed(context, &control_plane, &Started { run }).await?;
            return Ok(ended::status(&outcome));
        }
        let report = ended::report(&control_plane, &run).await?;
        match context.screen.format {
            Format::Text => context.screen.out(&view::report::report(&report, &ended::now(context)))?,
            Format::Json => context.screen.json(&report)?,
        }
        Ok(Exit::Done.status())
    })
}
