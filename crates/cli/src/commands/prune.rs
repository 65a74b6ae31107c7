//! `prune`: what releases that nobody keeps have left, and what its removal gives back. It happens after every run by itself; this
//! is for looking, and for after an engine or a disk was away.

use bascule_model::ids::{AppName, EnvironmentName};
use bascule_server::api::{PruneMode, PruneRequest, Pruned};
use serde_json::json;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;
use crate::screen::Format;
use crate::text::escape;
use crate::text::number;
use crate::text::style::{GOOD, paint};

const AFTER_HELP: &str = "\
Examples:
  bascule prune --dry-run          what would go, and how much it gives back
  bascule prune                    remove it, of every environment
  bascule prune staging            of this environment alone

Kept are: what runs or is warm, the releases of `keep` in [rollout], the newest
one, and all that a run works on.";

/// Options of `prune`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Only this environment [default: all of the state folder]
    #[arg(value_name = "ENV")]
    environment: Option<EnvironmentName>,

    /// The app, where there is no project at hand
    #[arg(long, value_name = "NAME", requires = "environment")]
    app: Option<AppName>,

    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// When something cannot be removed.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let mode = if args.dry_run { PruneMode::DryRun } else { PruneMode::Remove };
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let key = match &args.environment {
            Some(environment) => {
                let place = Place { environment: environment.clone(), app: args.app.clone() };
                Some(place.known(context, &control_plane).await?)
            }
            None => None,
        };
        let request = PruneRequest { key, mode, actor: context.machine.actor() };
        let pruned: Pruned = control_plane.client().post("/v1/prune", &request).await?;
        match context.screen.format {
            Format::Text => context.screen.out(&shown(&pruned, mode)),
            Format::Json => context.screen.json(&json!({
                "removed": pruned.removed,
                "bytes": pruned.bytes,
                "dry_run": args.dry_run,
                "without_artifacts": pruned.without_artifacts,
            })),
        }
    })
}

fn shown(pruned: &Pruned, mode: PruneMode) -> String {
    let (one, all) = match mode {
        PruneMode::DryRun => ("would remove", "would free"),
        PruneMode::Remove => ("removed", "freed"),
    };
    let mut lines: Vec<String> = pruned
        .removed
        .iter()
        .map(|thing| {
            let bytes =
                if thing.bytes > 0 { format!(" ({})", number::bytes(thing.bytes)) } else { String::new() };
            format!("{one} {}{bytes}", escape::line(&thing.what))
        })
        .collect();
    lines.push(if pruned.removed.is_empty() {
        paint(GOOD, "nothing is left over")
    } else {
        paint(GOOD, &format!("{all} {}", number::bytes(pruned.bytes)))
    });
    if pruned.without_artifacts {
        lines.push("artifacts and images were left alone: a run is making one".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use bascule_server::api::Pruned;

    use super::*;

    #[test]
    fn what_was_freed_is_said() {
        let thing = |what: &str, bytes| serde_json::json!({ "what": what, "bytes": bytes });
        let pruned: Pruned = serde_json::from_value(serde_json::json!({
            "removed": [thing("image shop:ab12", 3 << 20), thing("network shop-staging", 0)],
            "bytes": 3 << 20,
            "without_artifacts": true,
        }))
        .unwrap();
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown(&pruned, PruneMode::DryRun)).to_string());
        let nothing = Pruned { removed: Vec::new(), bytes: 0, without_artifacts: false };
        assert!(shown(&nothing, PruneMode::Remove).contains("nothing is left over"));
    }
}
