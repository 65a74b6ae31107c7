//! `rollback`: brings a former release back. A warm one takes the switch alone. Needs the app's name and nothing else of
//! the project, so that a broken manifest is no obstacle.

use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::plan::RunKind;
use bascule_server::api::{KeyRequest, RevertLeft, RollbackRequest, Started};

use crate::commands::ended::{self, Unbegun};
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;

const AFTER_HELP: &str = "\
Examples:
  bascule rollback staging                 to the last release that settled before
  bascule rollback staging --to r3-3fa9c1  to that one
  bascule rollback staging --with-db       and take back its changes of the database
  bascule rollback staging --app shop      from anywhere, without the project";

/// Options of `rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,

    /// The release to bring back (see `bascule history`)
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,

    /// Then stop the release that was rolled back from, and take back what it did to the database
    #[arg(long)]
    with_db: bool,
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let key = args.place.key(context);
    let app = key.as_ref().ok().map(|key| key.app.clone());
    let only_database = match &key {
        Ok(key) if args.with_db && args.to.is_none() => left(context, key.clone()),
        _ => false,
    };
    let wanted = |kind| Unbegun { app: app.clone(), environment: &args.place.environment, kind };
    if only_database {
        context.screen.note("the traffic was brought back before: only the database is left");
    } else {
        let status = context.block_on(ended::carry_out(
            context,
            &wanted(RunKind::Rollback),
            key,
            async |control_plane, key| {
                let to = args.to.as_ref().map(ReleaseId::from_text);
                let request = RollbackRequest { key, to, plan: None, actor: context.machine.actor() };
                Ok(control_plane.client().post::<Started>("/v1/rollback", &request).await?)
            },
        ))?;
        if !args.with_db || status != 0 {
            return Ok(status);
        }
    }
    // A run of its own: the traffic is back already, and nothing that goes wrong here moves it again.
    let key = args.place.key(context);
    context.block_on(ended::carry_out(context, &wanted(RunKind::Revert), key, async |control_plane, key| {
        let request = KeyRequest { key, actor: context.machine.actor() };
        Ok(control_plane.client().post::<Started>("/v1/revert", &request).await?)
    }))
}

/// Whether a rollback was made already, and only what its release did to the database is left. What keeps that from being known is
/// said by the rollback itself.
fn left(context: &Context, key: EnvironmentKey) -> bool {
    let asked = context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = KeyRequest { key, actor: context.machine.actor() };
        Ok(control_plane.client().post::<RevertLeft>("/v1/revert/left", &request).await?)
    });
    asked.is_ok_and(|answer| answer.left)
}
