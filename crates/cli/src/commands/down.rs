//! `down`: stops everything of an environment, in both slots, and closes its door.

use bascule_model::plan::RunKind;
use bascule_server::api::{KeyRequest, Started};

use crate::commands::ended::{self, Unbegun};
use crate::context::Context;
use crate::failure::Failure;
use crate::key::Place;

const AFTER_HELP: &str = "\
Examples:
  bascule down staging               stop everything of it; nobody serves it then
  bascule down staging --app shop    from anywhere, without the project";

/// Options of `down`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let key = args.place.key(context);
    let app = key.as_ref().ok().map(|key| key.app.clone());
    let wanted = Unbegun { app, environment: &args.place.environment, kind: RunKind::Down };
    context.block_on(ended::carry_out(context, &wanted, key, async |control_plane, _| {
        let key = args.place.known(context, control_plane).await?;
        let request = KeyRequest { key, actor: context.machine.actor() };
        Ok(control_plane.client().post::<Started>("/v1/down", &request).await?)
    }))
}
