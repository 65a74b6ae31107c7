//! `history`: the runs of an environment, the newest first.

use bascule_server::api::HistoryEntry;
use serde_json::json;

use crate::commands::ended::now;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;
use crate::query;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule history staging               the last 20 runs
  bascule history staging --limit 200   more of them
  bascule history staging --app shop    from anywhere, without the project";

/// Options of `history`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,

    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// Runs it.
///
/// # Errors
/// When the environment is not known, or the control plane cannot say.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let key = args.place.known(context, &control_plane).await?;
        let (key, limit) = (key.to_string(), args.limit.to_string());
        let path = query::path("/v1/history", &[("key", &key), ("limit", &limit)]);
        let entries: Vec<HistoryEntry> = control_plane.get(&path).await?;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "runs": entries })),
            Format::Text if entries.is_empty() => {
                context.screen.out(&format!("{key} was never deployed; `bascule deploy ENV` does it"))
            }
            Format::Text => context.screen.out(&view::history::history(&entries, &now(context))),
        }
    })
}
