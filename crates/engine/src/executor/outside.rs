//! A run's right to its environment where that runs, beside the lease in the journal: engines with other journals see it.

use std::time::Duration;

use bascule_model::ids::{EnvironmentKey, Generation};
use bascule_model::problem::Code;
use bascule_model::run::Phase;

use super::mirror::Keeping;
use super::{Drive, RENEW, Stop};
use crate::context::Ports;
use crate::ports::PortError;

/// How often it is looked whether somebody else has ended.
const LOOK: Duration = Duration::from_secs(2);

/// Renews it, until it is lost; answers how. A place that does not answer is no loss: what the run does there will say so.
pub(super) async fn keep(ports: &Ports, fence: Generation, key: &EnvironmentKey) -> Stop {
    loop {
        ports.clock.sleep(RENEW).await;
        match ports.traffic.renew(fence, key).await {
            Err(PortError::Fenced) => return Stop::Fenced,
            Err(PortError::Elsewhere(home)) => return Stop::Elsewhere(home),
            Err(PortError::Problem(problem)) if problem.code == Code::LeaseHeld => return Stop::Lost,
            _ => {}
        }
    }
}

/// Takes it again for a run that goes on; a run that has just begun takes it in its first step. Somebody else who has it meanwhile
/// is waited for.
pub(super) async fn take_again(drive: &Drive) -> Result<(), Stop> {
    let state = &drive.run.state;
    let was_taken = state.steps.iter().any(|step| step.name == "lease" && step.phase == Phase::Done);
    let releases = [&drive.subject, &drive.former].into_iter().flatten().map(|(_, loaded)| loaded);
    let release = releases.chain(&drive.beside).map(|loaded| &loaded.release).next();
    let (true, None, Some(release)) = (was_taken, state.outcome, release) else { return Ok(()) };
    // Whoever comes back learns here that somebody has gone on in its place.
    let none_there = matches!(drive.mirror.keep_if_any().await?, Keeping::NoneThere);
    // What the run had kept and what it had taken went together: somebody has taken the environment over, and down.
    if none_there && matches!(drive.ports.traffic.is_taken(release).await, Ok(false)) {
        return Err(Stop::Elsewhere("another machine, which has taken it down".to_owned()));
    }
    let mut said = false;
    loop {
        match drive.ports.traffic.take(drive.lease.generation, &drive.claim, release).await {
            Err(PortError::Fenced) => return Err(Stop::Fenced),
            Err(PortError::Elsewhere(home)) => return Err(Stop::Elsewhere(home)),
            Err(PortError::Problem(problem)) if problem.code == Code::LeaseHeld => {
                if !said {
                    let waits = format!("{problem}; this run goes on after it");
                    drive.progress.note(&drive.run.id, "lease", waits);
                    said = true;
                }
                drive.ports.clock.sleep(LOOK).await;
            }
            Ok(()) => {
                drive.mirror.taken();
                if none_there {
                    drive.mirror.keep().await?;
                }
                return Ok(());
            }
            // Whatever else: the step that needs it will say so.
            Err(_) => return Ok(()),
        }
    }
}

/// What a higher generation means. While our journal, which nobody shares, says that the environment is ours, it can only be that of
/// somebody with another journal, who has taken the environment over.
pub(super) async fn fenced(drive: &Drive) -> Stop {
    let Some(release) = drive.mirror.alone() else { return Stop::Lost };
    let is_ours = match drive.journal.lease(&drive.lease.key).await {
        Ok(held) => held.is_some_and(|held| held.generation == drive.lease.generation),
        Err(_) => false,
    };
    if !is_ours {
        return Stop::Lost;
    }
    let holder = drive.ports.traffic.whereabouts(release).await.ok().flatten();
    Stop::Elsewhere(holder.unwrap_or_else(|| "another machine".to_owned()))
}
