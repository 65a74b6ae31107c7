//! `verify`: the checks of the live release, through the users' door, now.

use bascule_model::evidence::Status;
use bascule_model::problem::Exit;
use bascule_server::api::{KeyRequest, Verified};
use serde_json::json;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;
use crate::screen::Format;
use crate::text::number;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule verify staging                  exit 0 when all pass, 4 when one does not
  bascule verify staging --output json    with what came back";

/// Options of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs it; a check that does not pass is an answer, with exit status 4.
///
/// # Errors
/// When nothing is live.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let key = args.place.known(context, &control_plane).await?;
        let request = KeyRequest { key: key.clone(), actor: context.machine.actor() };
        let Verified { checks } = control_plane.client().post("/v1/verify", &request).await?;
        let verdict = verdict(checks.iter().map(|check| check.status));
        match context.screen.format {
            Format::Json => context.screen.json(&json!({
                "environment": key.environment,
                "status": verdict,
                "checks": checks,
            }))?,
            Format::Text => {
                let sentence = match verdict {
                    Status::NoData if checks.is_empty() => {
                        format!("no checks: the live release of {key} has no [[verify]]")
                    }
                    _ => {
                        let passed = checks.iter().filter(|check| check.status == Status::Pass).count();
                        let all = number::of(checks.len() as u64, "check");
                        format!("{passed} of {all} passed against {key}")
                    }
                };
                context.screen.out(&format!("{}{sentence}", view::checks::checks(&checks, 0)))?;
            }
        }
        let holds = verdict == Status::Pass || checks.is_empty();
        Ok(if holds { Exit::Done.status() } else { Exit::Refused.status() })
    })
}

/// Pass when all pass; no checks are no data.
fn verdict(statuses: impl Iterator<Item = Status>) -> Status {
    statuses.fold(Status::NoData, |sum, status| match (sum, status) {
        (Status::Fail, _) | (_, Status::Fail | Status::NoData) => Status::Fail,
        (Status::NoData | Status::Pass, Status::Pass) => Status::Pass,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_never_passes() {
        assert_eq!(verdict([].into_iter()), Status::NoData);
        assert_eq!(verdict([Status::Pass, Status::Pass].into_iter()), Status::Pass);
        assert_eq!(verdict([Status::Pass, Status::NoData].into_iter()), Status::Fail);
        assert_eq!(verdict([Status::Fail, Status::Pass].into_iter()), Status::Fail);
    }
}
