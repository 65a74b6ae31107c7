//! A command that moves the traffic of a door which moves new connections only: when the last of them came to the former version.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::{answers, say};

/// So long nobody may have seen the former version before it is said to be gone.
const QUIET: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(60);

/// What the connections met, in microseconds since the command's start.
#[derive(Default)]
struct Met {
    last_of_former: AtomicU64,
    broken: AtomicU64,
    is_over: AtomicBool,
}

pub fn run(target: SocketAddr, command: &[&str]) -> Result<()> {
    let [program, arguments @ ..] = command else { bail!("no command to run") };
    let former = answers::ask(target, "/version")?.context("the answer names no version")?;
    let met = Arc::new(Met::default());
    let start = Instant::now();
    let watch = spawn({
        let met = met.clone();
        move || follow(target, &former, start, &met)
    });
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    let ended = start.elapsed();
    let last = || Duration::from_micros(met.last_of_former.load(Ordering::Relaxed));
    while status.success() && start.elapsed() < ended.max(last()) + QUIET && start.elapsed() < LIMIT {
        sleep(Duration::from_millis(5));
    }
    met.is_over.store(true, Ordering::Relaxed);
    watch.join().map_err(|_| anyhow!("the watching thread panicked"))?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    if start.elapsed() >= LIMIT {
        bail!("the former version still answered after {} s", LIMIT.as_secs());
    }
    say("command_ms", ended.as_secs_f64() * 1000.0)?;
    say("last_of_former_ms", last().as_secs_f64() * 1000.0)?;
    say("broken", met.broken.load(Ordering::Relaxed))
}

fn follow(target: SocketAddr, former: &str, start: Instant, met: &Met) {
    while !met.is_over.load(Ordering::Relaxed) {
        match answers::ask(target, "/version") {
            Ok(Some(version)) if version == former => {
                let now = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                met.last_of_former.store(now, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => {
                met.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
        sleep(Duration::from_micros(500));
    }
}
