//! A command that moves the traffic, and when a client saw it move: a connection that asks all the time.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::{answers, say};

const LIMIT: Duration = Duration::from_secs(30);

/// When the client saw what, since the command's start.
struct Seen {
    last_of_former: Duration,
    first_of_next: Duration,
}

pub fn run(target: SocketAddr, command: &[&str]) -> Result<()> {
    let [program, arguments @ ..] = command else { bail!("no command to run") };
    let probe = TcpStream::connect(target)?;
    let former = answers::request(&probe, "/version")?.context("the answer names no version")?;
    let start = Instant::now();
    let watch = spawn(move || follow(&probe, &former, start));
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    let ended = start.elapsed();
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    let seen = watch.join().map_err(|_| anyhow!("the watching thread panicked"))??;
    say("command_ms", milliseconds(ended))?;
    say("last_of_former_ms", milliseconds(seen.last_of_former))?;
    say("first_of_next_ms", milliseconds(seen.first_of_next))
}

fn follow(probe: &TcpStream, former: &str, start: Instant) -> Result<Seen> {
    let mut last_of_former = Duration::ZERO;
    while start.elapsed() < LIMIT {
        let version = answers::request(probe, "/version")?;
        if version.as_deref() != Some(former) {
            return Ok(Seen { last_of_former, first_of_next: start.elapsed() });
        }
        last_of_former = start.elapsed();
        sleep(Duration::from_micros(500));
    }
    bail!("the traffic did not move within {} s", LIMIT.as_secs())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
