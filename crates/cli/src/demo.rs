//! The demo: a scenario of deploys under load in a folder of its own, driven through this program's own commands, and what
//! a client saw meanwhile.
//!
//! Holds: what was started is ended (unless it is to be kept), by its process id; figures are as measured.

mod act;
mod drive;
mod image;
mod report;
mod scenario;
mod scratch;
mod show;
mod teardown;

use std::net::SocketAddr;
use std::time::Duration;

use bascule_load::{Load, Profile, Retry};
use bascule_model::problem::{Code, Problem};

use crate::context::Context;
use crate::demo::act::Act;
use crate::demo::drive::Driver;
use crate::demo::scenario::Scene;
use crate::demo::scratch::Scratch;
use crate::failure::Failure;

pub use report::{Report, shown};

/// What becomes of what the demo started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It is ended; journal and logs stay.
    End,
    /// It goes on, to look at.
    Keep,
}

/// Where the demo's app runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// As processes of this machine
    Process,
    /// As containers of this machine's Docker Engine
    Docker,
}

/// How long the load may take to get its first answers.
const WARM_UP: Duration = Duration::from_secs(20);
/// So many answers of each new release are waited for before the next scene.
const ANSWERS: u64 = 100;

/// Plays the scenario.
///
/// # Errors
/// When a scene ended in another way than it has to, and when the user pressed Ctrl-C. What was started is ended first.
pub async fn play(context: &Context, target: Target, afterwards: Afterwards) -> Result<Report, Failure> {
    let scratch = Scratch::make(context, target)?;
    context.screen.note(&format!("the demo works in {}", scratch.folder.display()));
    let mut acts = Vec::new();
    let driver = Driver::new(context, &scratch)?;
    let played = tokio::select! {
        played = scenes(context, &driver, &scratch, &mut acts) => played,
        _ = tokio::signal::ctrl_c() => Err(interrupted().into()),
    };
    match (played, afterwards) {
        (Ok(figures), Afterwards::Keep) => {
            let running = teardown::running(&scratch).await;
            Ok(Report::new(&scratch, acts, figures, Some(running)))
        }
        (Ok(figures), Afterwards::End) => {
            teardown::end(&driver, &scratch).await?;
            let report = Report::new(&scratch, acts, figures, None);
            if report.failed == 0 {
                scratch.thin_out();
            }
            Ok(report)
        }
        (Err(failure), _) => {
            if let Err(left) = teardown::end(&driver, &scratch).await {
                left.say(&context.screen);
            }
            context.screen.note(&format!("state and logs are left in {}", scratch.folder.display()));
            Err(failure)
        }
    }
}

async fn scenes(
    context: &Context,
    driver: &Driver<'_>,
    scratch: &Scratch,
    acts: &mut Vec<Act>,
) -> Result<bascule_load::Figures, Failure> {
    let mut load: Option<Load> = None;
    for scene in scenario::SCENES {
        scene.prepare(scratch)?;
        let act = driver.play(scene, acts).await?;
        act.check(scene)?;
        let version = act.live_version.clone();
        show::act(context, &act)?;
        acts.push(act);
        let load = match &load {
            Some(load) => load,
            None => load.insert(start_load(context, scratch.listen)?),
        };
        answered(load, scene, &version).await?;
    }
    match load {
        Some(load) => Ok(load.stop().await),
        None => Ok(bascule_load::Figures::default()),
    }
}

/// Light enough for a small machine, with some of everything that a switch can break. Nothing is sent again once it was
/// sent: each lost connection counts.
fn profile(listen: SocketAddr) -> Profile {
    Profile {
        http1: 8,
        http2: 8,
        slow: 2,
        slow_for: Duration::from_secs(1),
        downloads: 2,
        uploads: 1,
        body_bytes: 2_000_000,
        body_rate: Some(1_000_000),
        events: 4,
        event_ticks: 10,
        websockets: 4,
        rate_per_second: Some(200.0),
        retry: Retry::Unsent,
        ..Profile::idle(listen)
    }
}

fn start_load(context: &Context, listen: SocketAddr) -> Result<Load, Problem> {
    context.screen.note("  from here on, clients send requests all the time");
    bascule_load::start(profile(listen)).map_err(|error| {
        Problem::new(Code::Internal, format!("starting the demo's clients: {error}"), "try again")
    })
}

/// Waits until the clients have heard enough from the version that is live now.
async fn answered(load: &Load, scene: &Scene, version: &str) -> Result<(), Problem> {
    let answers =
        |figures: &bascule_load::Figures| figures.versions.get(version).map_or(0, |seen| seen.answers);
    let before = answers(&load.snapshot());
    let enough = load.wait_until(WARM_UP, |figures| answers(figures) >= before + ANSWERS).await;
    enough.map(drop).ok_or_else(|| {
        Problem::new(
            Code::Internal,
            format!(
                "after {}, version {version} did not answer {ANSWERS} requests in {} s",
                scene.title,
                WARM_UP.as_secs()
            ),
            "try again when this machine has less to do",
        )
    })
}

fn interrupted() -> Problem {
    Problem::new(Code::Aborted, "the demo was ended by Ctrl-C", "nothing to do: what it started was ended")
}
