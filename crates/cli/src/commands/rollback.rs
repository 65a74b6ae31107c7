//! `rollback`: brings a former release back. A warm one takes the switch alone. Needs the app's name and nothing else of
//! the project, so that a broken manifest is no obstacle.

use bascule_model::ids::ReleaseId;
use bascule_model::plan::RunKind;
use bascule_server::api::{RollbackRequest, Started};

use crate::commands::ended::{self, Unbegun};
use crate::context::Context;
use crate::failure::Failure;
use crate::key::Place;

const AFTER_HELP: &str = "\
Examples:
  bascule rollback staging                 to the last release that settled before
  bascule rollback staging --to r3-3fa9c1  to that one
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
}

/// Runs it and gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let key = args.place.key(context);
    let app = key.as_ref().ok().map(|key| key.app.clone());
    let wanted = Unbegun { app, environment: &args.place.environment, kind: RunKind::Rollback };
    context.block_on(ended::carry_out(context, &wanted, key, async |control_plane, key| {
        let to = args.to.as_ref().map(ReleaseId::from_text);
        let request = RollbackRequest { key, to, plan: None, actor: context.machine.actor() };
        Ok(control_plane.client().post::<Started>("/v1/rollback", &request).await?)
    }))
}
