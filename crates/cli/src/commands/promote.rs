//! `promote`: a deploy of what settled in another environment, by its digest.

use bascule_model::ids::EnvironmentName;
use bascule_model::plan::RunKind;
use bascule_model::problem::{Code, Problem};
use bascule_server::api::{DeployRequest, Started, WishRequest};

use crate::commands::ended::{self, Unbegun};
use crate::commands::plan;
use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule promote staging production                what settled in staging
  bascule promote staging production --plan $HASH   exactly what that plan says

The artifact is the same, by its digest; the configuration is that of the
environment which it is promoted to.";

/// Options of `promote`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment whose live release is taken, as in `staging`
    #[arg(value_name = "FROM")]
    from: EnvironmentName,

    /// The environment that it is deployed to, as in `production`
    #[arg(value_name = "TO")]
    to: EnvironmentName,

    /// Apply exactly the plan with this hash (see `bascule plan`); exit 6 when the world has moved
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let wish = wish(args, context);
    let app = context.project().ok().and_then(|project| project.app().ok());
    let wanted = Unbegun { app, environment: &args.to, kind: RunKind::Deploy };
    context.block_on(ended::carry_out(context, &wanted, wish, async |control_plane, wish| {
        let request = DeployRequest { wish, plan: args.plan.clone(), actor: context.machine.actor() };
        Ok(control_plane.client().post::<Started>("/v1/deploy", &request).await?)
    }))
}

fn wish(args: &Args, context: &Context) -> Result<WishRequest, Failure> {
    let mut wish = plan::wish(context, &args.to)?;
    let (from, to) = (&args.from, &args.to);
    if from == to {
        let usage = format!("{to} cannot be promoted to itself");
        return Err(Problem::new(Code::Usage, usage, "name two environments").into());
    }
    let known = context.project()?.environments();
    if !known.contains(from) {
        let names: Vec<&str> = known.iter().map(EnvironmentName::as_str).collect();
        return Err(Problem::new(
            Code::Usage,
            format!("there is no environment {from}"),
            format!("the environments are {}", names.join(", ")),
        )
        .into());
    }
    match wish.environment.promote_from.replace(from.clone()) {
        Some(only) if only != *from => Err(Problem::new(
            Code::PromotionRefused,
            format!("{to} takes what settled in {only}, and not in {from}"),
            format!("`bascule promote {only} {to}`"),
        )
        .into()),
        _ => Ok(wish),
    }
}
