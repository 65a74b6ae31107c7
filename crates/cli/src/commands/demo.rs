//! `demo`: an app going live, failing and coming back, under load, in a scratch folder.

use bascule_model::problem::{Code, Exit, Problem};

use crate::context::Context;
use crate::demo;
use crate::failure::Failure;
use crate::screen::Format;

const AFTER_HELP: &str = "\
Examples:
  bascule demo                  well under a minute; all is ended afterwards
  bascule demo --keep           leave it running, to look at
  bascule demo --target docker  the same with containers, on a machine with a Docker Engine
  bascule demo --output json    the same figures as data

Exit status: 0, or 7 when a request was lost.";

/// Options of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Leave the app, the edge and the control plane running
    #[arg(long)]
    keep: bool,

    /// Where the app runs
    #[arg(long, value_enum, default_value_t = demo::Target::Process, value_name = "TARGET")]
    target: demo::Target,
}

/// Runs it.
///
/// # Errors
/// `REQUESTS_LOST`, and whatever kept the scenario from its end.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let afterwards = if args.keep { demo::Afterwards::Keep } else { demo::Afterwards::End };
    context.block_on(async {
        let report = demo::play(context, args.target, afterwards).await?;
        match context.screen.format {
            Format::Json => context.screen.json(&report)?,
            Format::Text => context.screen.out(&demo::shown(&report))?,
        }
        if report.failed == 0 {
            return Ok(Exit::Done.status());
        }
        Err(Problem::new(
            Code::RequestsLost,
            format!(
                "the demo lost {} of {} requests; the first: {}",
                report.failed,
                report.requests,
                report.first_loss()
            ),
            format!("this must not happen: please report it with what is in {}", report.folder.display()),
        )
        .into())
    })
}
