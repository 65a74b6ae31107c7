//! Follows a run to its end. When the control plane dies meanwhile it is started again (the run goes on by itself), and
//! following goes on behind the last event that was seen.

use std::time::Duration;

use bascule_engine::progress::Update;
use bascule_model::ids::RunId;
use bascule_model::problem::{Code, Problem};
use bascule_server::api::{Line, OutcomeLine};

use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::encoded;
use crate::watch::Display;

/// So many times in a row without anything new, and it is given up.
const ATTEMPTS: u32 = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);

/// Follows the run and gives its last line.
///
/// # Errors
/// [`Failure::Interrupted`] on Ctrl-C, and what the control plane refuses with.
pub async fn follow(
    control_plane: &ControlPlane<'_>,
    run: &RunId,
    display: &mut Display,
) -> Result<OutcomeLine, Failure> {
    let ended = tokio::select! {
        outcome = to_its_end(control_plane, run, display) => outcome.map_err(Failure::from),
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted { run: run.clone() }),
    };
    display.end();
    ended
}

async fn to_its_end(
    control_plane: &ControlPlane<'_>,
    run: &RunId,
    display: &mut Display,
) -> Result<OutcomeLine, Problem> {
    let mut after = 0;
    let mut in_vain = 0;
    loop {
        let seen = after;
        let broken = match stream(control_plane, run, display, &mut after).await {
            Ok(Some(outcome)) => return Ok(outcome),
            Ok(None) => None,
            Err(problem) if problem.code == Code::ControlPlaneUnavailable => Some(problem),
            Err(problem) => return Err(problem),
        };
        in_vain = if after > seen { 0 } else { in_vain + 1 };
        if in_vain >= ATTEMPTS {
            return Err(broken.unwrap_or_else(|| lost(run)));
        }
        display.pause();
        tokio::time::sleep(PAUSE).await;
        control_plane.ensure().await?;
    }
}

/// Reads one stream; none when it ended before the run did.
async fn stream(
    control_plane: &ControlPlane<'_>,
    run: &RunId,
    display: &mut Display,
    after: &mut u64,
) -> Result<Option<OutcomeLine>, Problem> {
    let path = format!("/v1/runs/{}/follow?after={after}", encoded(run.as_str()));
    let mut lines = control_plane.client().lines(&path).await?;
    while let Some(line) = lines.next::<Line>().await? {
        match line {
            Line::Outcome(outcome) => return Ok(Some(outcome)),
            Line::Update(update) => {
                if let Update::Event { recorded, .. } = &update {
                    if recorded.sequence <= *after {
                        continue;
                    }
                    *after = recorded.sequence;
                }
                display.update(&update);
            }
        }
    }
    Ok(None)
}

fn lost(run: &RunId) -> Problem {
    Problem::new(
        Code::ControlPlaneUnavailable,
        format!("following {run}: the control plane ended the stream again and again"),
        format!("look at it with `bascule run show {run}`"),
    )
}
