//! `deploy`: brings a new release live, or takes it all back.

use bascule_model::ids::EnvironmentName;
use bascule_model::plan::{ArtifactPlan, RunKind};
use bascule_server::api::{DeployRequest, Started, WaitingPlan, WishRequest};

use crate::commands::ended::{self, Unbegun};
use crate::commands::plan;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query;

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
        let wish = match &args.plan {
            Some(hash) => named_by(control_plane, hash, wish).await,
            None => wish,
        };
        let request = DeployRequest { wish, plan: args.plan.clone(), actor: context.machine.actor() };
        Ok(control_plane.client().post::<Started>("/v1/deploy", &request).await?)
    }))
}

/// A plan that a pipeline made wait for approvals names the artifact that the pipeline has built: that one is taken, and nothing is
/// built once more. Whether the rest is as it was, the hash decides.
async fn named_by(control_plane: &ControlPlane<'_>, hash: &str, wish: WishRequest) -> WishRequest {
    let path = query::path("/v1/waiting", &[("plan", hash)]);
    // One that does not wait was made by `bascule plan`, from what the folder says.
    let Ok(WaitingPlan { plan, .. }) = control_plane.get(&path).await else { return wish };
    let is_shipped = plan.provenance.as_ref().is_some_and(|provenance| provenance.pipeline.is_some());
    match plan.artifact {
        ArtifactPlan::Store { digest } if is_shipped && plan.promoted.is_none() => {
            WishRequest { artifact: Some(digest), provenance: plan.provenance, ..wish }
        }
        _ => wish,
    }
}
