//! `approve`: one user's yes to a plan that another one asked for. Who it is, the control plane is told by the kernel.

use std::path::PathBuf;

use bascule_model::ids::EnvironmentName;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::api::{ApproveRequest, Approved, WaitingPlan};
use bascule_server::client::Client;

use crate::commands::ended::now;
use crate::context::Context;
use crate::failure::Failure;
use crate::query;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule approve $HASH --at $SOCKET          the command that the deploy printed
  bascule approve $HASH --at $SOCKET --show   look at the plan, approve of nothing
  bascule approve $HASH production            and only if it is for production";

/// Options of `approve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The plan's hash
    #[arg(value_name = "PLAN_HASH")]
    plan: String,

    /// Only if the plan is for this environment
    #[arg(value_name = "ENV")]
    environment: Option<EnvironmentName>,

    /// The socket for approvals [default: the control plane of the state folder]
    #[arg(long, value_name = "SOCKET")]
    at: Option<PathBuf>,

    /// Show the plan, and approve of nothing
    #[arg(long)]
    show: bool,
}

/// Runs it.
///
/// # Errors
/// When the plan does not wait, or this user may not approve of it.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let client = match &args.at {
            Some(socket) => Client::at(socket),
            None => Client::new(&context.state()?),
        };
        if client.hello().await.is_none() {
            return Err(Problem::new(
                Code::ControlPlaneUnavailable,
                "no control plane answers there",
                "type the whole command that the deploy printed, with its --at; who deploys has to have made the plan there",
            )
            .into());
        }
        let path = query::path("/v1/waiting", &[("plan", args.plan.as_str())]);
        let waiting: WaitingPlan = client.get(&path).await?;
        let key = &waiting.plan.key;
        if let Some(meant) = args.environment.as_ref().filter(|meant| **meant != key.environment) {
            return Err(Problem::new(
                Code::ApprovalRefused,
                format!("plan {} is for {} and not for {meant}", args.plan, key.environment),
                "look at it with --show",
            )
            .into());
        }
        if args.show {
            match context.screen.format {
                Format::Json => context.screen.json(&waiting)?,
                Format::Text => context.screen.out(&view::plan::waiting(&waiting, &now(context)))?,
            }
            return Ok(Exit::Done.status());
        }
        let request = ApproveRequest { plan: args.plan.clone(), actor: context.machine.actor() };
        let approved: Approved = client.post("/v1/approve", &request).await?;
        match context.screen.format {
            Format::Json => context.screen.json(&approved)?,
            Format::Text => context.screen.out(&view::plan::approved(&approved, &now(context)))?,
        }
        Ok(Exit::Done.status())
    })
}
