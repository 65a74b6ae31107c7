//! `plan`: what a deploy would change, and the hash under which exactly that is applied.

use bascule_model::ids::EnvironmentName;
use bascule_server::api::{PlanRequest, Planned, WishRequest};

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::provenance;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule plan staging                  what `bascule deploy staging` would do
  bascule plan staging --output json    as data, with the plan's hash";

/// Options of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment, as in `staging`
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
}

/// Runs it.
///
/// # Errors
/// The manifest's mistakes, and what planning is refused with.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let wish = wish(context, &args.environment)?;
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = PlanRequest { wish, actor: context.machine.actor() };
        let planned: Planned = control_plane.client().post("/v1/plan", &request).await?;
        match context.screen.format {
            Format::Text => context.screen.out(&view::plan::plan(&planned)),
            Format::Json => context.screen.json(&planned),
        }
    })
}

/// The resolved manifest, packed for the control plane.
///
/// # Errors
/// The manifest's mistakes.
pub fn wish(context: &Context, environment: &EnvironmentName) -> Result<WishRequest, Failure> {
    let project = context.project()?;
    let resolved = project.resolve(environment, &|name| context.machine.variable(name))?;
    let provenance = provenance::of(&project.folder);
    Ok(WishRequest { provenance, ..WishRequest::new(resolved, project.folder) })
}
