//! `pipeline abort`: asks a run to end, and follows it there.

use bascule_model::problem::Exit;
use bascule_server::api::AbortRequest;
use bascule_server::pipelines::api::PipelineLine;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::encoded;
use crate::watch::pipeline;

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline abort $RUN    end its jobs, run what is `finally`; exit 0 then";

/// Options of `pipeline abort`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The run, as `bascule pipeline list` lists it
    #[arg(value_name = "RUN")]
    run: String,
}

/// Runs it. A run that ended for it is what was asked for: exit status 0.
///
/// # Errors
/// When the run is over, or could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = AbortRequest { actor: context.machine.actor() };
        let path = format!("/v1/pipelines/{}/abort", encoded(&args.run));
        let _: serde_json::Value = control_plane.client().post(&path, &request).await?;
        let outcome = pipeline::to_its_end(context, &control_plane, &args.run).await?;
        match &outcome {
            PipelineLine::Outcome { outcome, .. } if outcome == "aborted" => Ok(Exit::Done.status()),
            _ => Ok(pipeline::status(&outcome)),
        }
    })
}
