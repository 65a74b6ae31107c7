//! `resolve`: a person's decision about a run that is stuck.

use bascule_model::problem::Exit;
use bascule_model::run::Outcome;
use bascule_server::api::{ResolveRequest, Started};

use crate::commands::ended;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::encoded;

const AFTER_HELP: &str = "\
Examples:
  bascule resolve run-1k2m3n4p5q6 --retry-undo
  bascule resolve run-1k2m3n4p5q6 --abandon --reason \"stopped by hand\"

Exit status: 0 when the undo came to its end or the run was given up,
8 when it is still stuck.";

/// Options of `resolve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group(clap::ArgGroup::new("decision").required(true).args(["retry_undo", "abandon"])))]
pub struct Args {
    /// The run, as `bascule status` shows it
    #[arg(value_name = "RUN")]
    run: String,

    /// What was in its way is mended: try to undo it once more
    #[arg(long)]
    retry_undo: bool,

    /// Leave what is there as it is; needs --reason
    #[arg(long, requires = "reason")]
    abandon: bool,

    /// Why it is given up, for the report
    #[arg(long, value_name = "TEXT", requires = "abandon")]
    reason: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When the run is not stuck, or could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let abandon = args.reason.clone().filter(|_| args.abandon);
        let request = ResolveRequest { abandon, actor: context.machine.actor() };
        let path = format!("/v1/runs/{}/resolve", encoded(&args.run));
        let started: Started = control_plane.client().post(&path, &request).await?;
        let outcome = ended::followed(context, &control_plane, &started).await?;
        match outcome.outcome {
            Outcome::RolledBack | Outcome::Refused => Ok(Exit::Done.status()),
            Outcome::Stuck if args.abandon => Ok(Exit::Done.status()),
            _ => Ok(ended::status(&outcome)),
        }
    })
}
