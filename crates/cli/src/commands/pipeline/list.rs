//! `pipeline list`: the runs, the newest first.

use bascule_model::problem::Exit;
use bascule_server::pipelines::api::PipelineSummary;
use serde_json::json;

use crate::commands::ended::now;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline list                  what was run, and what came of it
  bascule pipeline list --output json    as data";

/// Options of `pipeline list`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// When the control plane cannot say.
pub fn run(_: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let all: Vec<PipelineSummary> = control_plane.get("/v1/pipelines").await?;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "pipelines": all }))?,
            Format::Text if all.is_empty() => {
                context.screen.out("no pipeline has run yet; `bascule ship` does it")?;
            }
            Format::Text => context.screen.out(&view::pipeline::list(&all, &now(context)))?,
        }
        Ok(Exit::Done.status())
    })
}
