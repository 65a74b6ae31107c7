//! `status`: one environment, all of the project's app, or (outside of a project) all of the state folder.

use bascule_model::ids::{AppName, EnvironmentKey, EnvironmentName};
use bascule_server::api::EnvironmentStatus;
use serde_json::json;

use crate::commands::ended::now;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::{self, Place};
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule status                          every environment of this project's app
  bascule status staging                  one
  bascule status staging --output json    as one object";

/// Options of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment, as in `staging`; without it all that there are
    #[arg(value_name = "ENV")]
    environment: Option<EnvironmentName>,

    /// The app, where there is no project at hand
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
}

/// Runs it.
///
/// # Errors
/// When the environment is not known, or the control plane cannot say.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        match &args.environment {
            Some(environment) => {
                let place = Place { environment: environment.clone(), app: args.app.clone() };
                let key = place.known(context, &control_plane).await?;
                one(context, &key::status(&control_plane, &key).await?)
            }
            None => all(context, &environments(args, context, &control_plane).await?),
        }
    })
}

fn one(context: &Context, status: &EnvironmentStatus) -> Result<(), Failure> {
    match context.screen.format {
        Format::Text => context.screen.out(&view::status::status(status, &now(context))),
        Format::Json => context.screen.json(status),
    }
}

fn all(context: &Context, environments: &[EnvironmentStatus]) -> Result<(), Failure> {
    if context.screen.format == Format::Json {
        return context.screen.json(&json!({ "environments": environments }));
    }
    if environments.is_empty() {
        return context.screen.out("nothing was deployed yet; `bascule deploy ENV` does it");
    }
    let now = now(context);
    let pages: Vec<String> = environments.iter().map(|one| view::status::status(one, &now)).collect();
    context.screen.out(&pages.join("\n"))
}

/// Every environment that was deployed, and those that only the manifest names.
async fn environments(
    args: &Args,
    context: &Context,
    control_plane: &ControlPlane<'_>,
) -> Result<Vec<EnvironmentStatus>, Failure> {
    let mut all: Vec<EnvironmentStatus> = control_plane.get("/v1/environments").await?;
    let project = context.project_if_any()?;
    let app = match (&args.app, &project) {
        (Some(app), _) => app.clone(),
        (None, Some(project)) => project.app()?,
        (None, None) => return Ok(all),
    };
    all.retain(|one| one.app == app);
    let declared = project.filter(|_| args.app.is_none()).map(|project| project.environments());
    for environment in declared.unwrap_or_default() {
        if !all.iter().any(|one| one.environment == environment) {
            let key = EnvironmentKey { app: app.clone(), environment };
            all.push(key::status(control_plane, &key).await?);
        }
    }
    all.sort_by(|one, other| one.environment.cmp(&other.environment));
    Ok(all)
}
