//! `deploy`: brings a new release live, or takes it all back.

use bascule_model::ids::EnvironmentName;
use bascule_model::plan::RunKind;
use bascule_server::api::{DeployRequest, Started};

use crate::commands::ended::{self, Unbegun};
use crate::commands::plan;
use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule deploy staging                  build, start, check, switch, watch
  bascule deploy staging --plan $HASH     exactly what that plan says
  bascule deploy staging --output json    one event a line, the outcome last";

/// Options of `deploy`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment, as in `staging`
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// Apply exactly the plan with this hash (see `bascule plan`); exit 6 when the world has moved
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let wish = plan::wish(context, &args.environment);
    let app = context.project().ok().and_then(|project| project.app().ok());
    let wanted = Unbegun { app, environment: &args.environment, kind: RunKind::Deploy };
    context.block_on(ended::carry_out(context, &wanted, wish, async |control_plane, wish| {
        let request = DeployRequest { wish, plan: args.plan.clone(), actor: context.machine.actor() };
        Ok(control_plane.client().post::<Started>("/v1/deploy", &request).await?)
    }))
}
