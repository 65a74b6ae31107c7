//! Ends what the demo started: the app by `down`, then the control plane and the edge by their process ids. The images that it
//! made go last.

use std::time::Duration;

use bascule_edge::EdgeClient;
use bascule_model::ids::EnvironmentKey;
use bascule_model::problem::{Code, Problem};
use bascule_server::api::EnvironmentStatus;
use bascule_server::client::Client;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;

#[cfg(feature = "docker")]
use crate::demo::Target;
use crate::demo::drive::Driver;
use crate::demo::scratch::{APP, ENVIRONMENT, Scratch};
use crate::failure::Failure;
use crate::query;

/// How long a process may take to go.
const PATIENCE: Duration = Duration::from_secs(15);

/// The processes that stay up besides the app's own.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Running {
    /// The control plane.
    pub control_plane: Option<u32>,
    /// The edge.
    pub edge: Option<u32>,
}

/// Asks for them.
pub async fn running(scratch: &Scratch) -> Running {
    let hello = Client::new(&scratch.state).hello().await;
    let edge = EdgeClient::connect(&scratch.state).await.ok();
    Running { control_plane: hello.map(|hello| hello.pid), edge: edge.map(|edge| edge.pid()) }
}

/// Ends everything.
///
/// # Errors
/// When something is left, and how to end it.
pub async fn end(driver: &Driver<'_>, scratch: &Scratch) -> Result<(), Failure> {
    let running = running(scratch).await;
    if running.control_plane.is_some() {
        end_run(driver, scratch).await?;
        let down = ["down", ENVIRONMENT].map(str::to_owned);
        let said = driver.call(&down, |_| {}).await?;
        if !said.status.success() {
            return Err(
                left(scratch, &format!("`bascule down` ended with {}: {}", said.status, said.words)).into()
            );
        }
    }
    // The control plane first: it would start the edge again.
    for pid in [running.control_plane, running.edge].into_iter().flatten() {
        let gone = tokio::task::spawn_blocking(move || end_process(pid)).await;
        if !matches!(gone, Ok(Ok(()))) {
            return Err(left(scratch, &format!("process {pid} does not end")).into());
        }
    }
    #[cfg(feature = "docker")]
    if scratch.target == Target::Docker {
        let docker_host = driver.context.machine.variable("DOCKER_HOST");
        bascule_server::container_engine::forget_images(&scratch.state, docker_host.as_deref()).await?;
    }
    Ok(())
}

/// Ends a run that is under way, which is there when the demo was interrupted.
async fn end_run(driver: &Driver<'_>, scratch: &Scratch) -> Result<(), Failure> {
    let Ok(key) = format!("{APP}/{ENVIRONMENT}").parse::<EnvironmentKey>() else { return Ok(()) };
    let path = query::path("/v1/status", &[("key", &key.to_string())]);
    let status: EnvironmentStatus = Client::new(&scratch.state).get(&path).await?;
    if let Some(run) = status.run {
        driver.call(&["abort".to_owned(), run.id.to_string()], |_| {}).await?;
    }
    Ok(())
}

/// SIGTERM, and wait until it is gone. The handle makes sure that it is the same process all the time.
fn end_process(pid: u32) -> rustix::io::Result<()> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error),
    };
    match pidfd_send_signal(&handle, Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => return Err(error),
    }
    let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience))? {
        0 => Err(rustix::io::Errno::TIMEDOUT),
        _ => Ok(()),
    }
}

fn left(scratch: &Scratch, what: &str) -> Problem {
    let state = scratch.state.display();
    Problem::new(
        Code::Internal,
        format!("ending what the demo started: {what}"),
        format!(
            "`bascule down {ENVIRONMENT} --app {APP} --state {state}` stops the app; `bascule doctor --state {state}` names the processes that are left"
        ),
    )
}
