//! A run's right to its environment where that runs, beside the lease in the journal: engines with other journals see it.

use std::time::Duration;

use bascule_model::ids::{EnvironmentKey, Generation};
use bascule_model::problem::Code;
use bascule_model::run::Phase;

use super::{Drive, RENEW, Stop};
use crate::context::Ports;
use crate::ports::PortError;

/// How often it is looked whether somebody else has ended.
const LOOK: Duration = Duration::from_secs(2);

/// Renews it, until it is lost. A place that does not answer is no loss: what the run does there will say so.
pub(super) async fn keep(ports: &Ports, fence: Generation, key: &EnvironmentKey) {
    loop {
        ports.clock.sleep(RENEW).await;
        match ports.traffic.renew(fence, key).await {
            Err(PortError::Fenced | PortError::Elsewhere(_)) => return,
            Err(PortError::Problem(problem)) if problem.code == Code::LeaseHeld => return,
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
    drive.mirror.keep().await?;
    let mut said = false;
    loop {
        match drive.ports.traffic.take(drive.lease.generation, &drive.claim, release).await {
            Err(PortError::Fenced) => return Err(Stop::Lost),
            Err(PortError::Elsewhere(home)) => return Err(Stop::Elsewhere(home)),
            Err(PortError::Problem(problem)) if problem.code == Code::LeaseHeld => {
                if !said {
                    let waits = format!("{problem}; this run goes on after it");
                    drive.progress.note(&drive.run.id, "lease", waits);
                    said = true;
                }
                drive.ports.clock.sleep(LOOK).await;
            }
            // Whatever else: the step that needs it will say so.
            _ => return Ok(()),
        }
    }
}
