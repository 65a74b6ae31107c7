//! `checklist`: what has to have been seen before a deploy, and whether it was.

use bascule_model::ids::EnvironmentName;
use bascule_model::problem::Exit;
use bascule_server::api::{Checklist, PlanRequest};

use crate::commands::plan;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule checklist production                 exit 0 when all pass, 4 when one does not
  bascule checklist production --output json   each with its evidence";

/// Options of `checklist`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment, as in `production`
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
}

/// Runs it; an item that does not pass is an answer, with exit status 4.
///
/// # Errors
/// The manifest's mistakes, and what planning is refused with.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let wish = plan::wish(context, &args.environment)?;
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = PlanRequest { wish, actor: context.machine.actor() };
        let list: Checklist = control_plane.client().post("/v1/checklist", &request).await?;
        match context.screen.format {
            Format::Json => context.screen.json(&list)?,
            Format::Text => context.screen.out(&view::checklist::checklist(&list))?,
        }
        Ok(if list.passed { Exit::Done.status() } else { Exit::Refused.status() })
    })
}
