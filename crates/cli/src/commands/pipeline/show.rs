//! `pipeline show`: the report of a run; with `--follow` first to its end.

use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::pipelines::api::{PipelineRead, PipelineSummary};

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::encoded;
use crate::screen::Format;
use crate::view;
use crate::watch::pipeline;

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline show                      the newest run
  bascule pipeline show $RUN --follow        watch it; exit status of its outcome
  bascule pipeline show $RUN --output json   as data, with every event";

/// Options of `pipeline show`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The run, as `bascule pipeline list` lists it [default: the newest]
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// Follow it to its end; the exit status is that of its outcome
    #[arg(long, short)]
    follow: bool,
}

/// Runs it.
///
/// # Errors
/// When there is no such run, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let run = match &args.run {
            Some(run) => run.clone(),
            None => newest(&control_plane).await?,
        };
        if args.follow {
            return pipeline::followed(context, &control_plane, &run).await;
        }
        let path = format!("/v1/pipelines/{}", encoded(&run));
        match context.screen.format {
            Format::Text => {
                let report: PipelineRead = control_plane.get(&path).await?;
                context.screen.out(&view::pipeline::report(&report))?;
            }
            Format::Json => {
                let report: serde_json::Value = control_plane.get(&path).await?;
                context.screen.json(&report)?;
            }
        }
        Ok(Exit::Done.status())
    })
}

async fn newest(control_plane: &ControlPlane<'_>) -> Result<String, Problem> {
    let all: Vec<PipelineSummary> = control_plane.get("/v1/pipelines").await?;
    all.into_iter().next().map(|newest| newest.record.run).ok_or_else(|| {
        Problem::new(
            Code::PipelineUnknown,
            "no pipeline has run yet",
            "`bascule ship` or `bascule pipeline run` does it",
        )
    })
}
