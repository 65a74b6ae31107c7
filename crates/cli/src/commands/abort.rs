//! `abort`: asks a run to end, and follows it while it is undone.

use bascule_model::ids::RunId;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_model::run::Outcome;
use bascule_server::api::{AbortRequest, Started};

use crate::commands::ended;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::encoded;

const AFTER_HELP: &str = "\
Examples:
  bascule abort run-1k2m3n4p5q6    end it and undo it; exit 0 when that is done";

/// Options of `abort`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The run, as `bascule status` shows it
    #[arg(value_name = "RUN")]
    run: String,
}

/// Runs it. A run that was undone, or had touched nothing, is what was asked for: exit status 0.
///
/// # Errors
/// When the run cannot be ended any more, or could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = AbortRequest { actor: context.machine.actor() };
        let path = format!("/v1/runs/{}/abort", encoded(&args.run));
        let _: serde_json::Value = control_plane.client().post(&path, &request).await?;
        let run = RunId::from_text(&args.run);
        let outcome = ended::followed(context, &control_plane, &Started { run }).await?;
        match outcome.outcome {
            Outcome::RolledBack | Outcome::Refused | Outcome::Failed => Ok(Exit::Done.status()),
            Outcome::Stuck => Ok(ended::status(&outcome)),
            Outcome::Live => Err(Problem::new(
                Code::RunNotThere,
                format!("{} had come to its end before it could be stopped", args.run),
                format!("`bascule rollback {}` takes it back", outcome.environment),
            )
            .into()),
        }
    })
}
