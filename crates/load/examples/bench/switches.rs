//! Many switches under load, each timed twice: the call at the control socket, and from the decision to the first answer
//! of the other slot as a client sees it.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use bascule_edge::EdgeClient;
use bascule_model::ids::Slot;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{answers, edge, load, say};

/// Between two switches.
const EACH: Duration = Duration::from_millis(50);

pub async fn run(state: &Path, target: SocketAddr, count: usize, settings: &[&str]) -> Result<()> {
    let (profile, _) = load::profile(target, settings)?;
    let client = EdgeClient::connect(state).await?;
    let key = edge::key()?;
    let load = bascule_load::start(profile)?;
    let probe = TcpStream::connect(target)?;
    let mut ticks = interval(EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut calls, mut answered) = (Vec::new(), Vec::new());
    let mut live = Slot::Blue;
    for _ in 0..count {
        ticks.tick().await;
        let next = live.other();
        let decided = Instant::now();
        let (from, to) = (edge::release(live), edge::release(next));
        client.switch(edge::FENCE, &key, Some(&from), Some((next, &to))).await?;
        calls.push(micros(decided));
        let version = answers::request(&probe, "/")?;
        answered.push(micros(decided));
        if version.as_deref() != Some(next.as_str()) {
            bail!("after the switch to {next} the answer came from {version:?}");
        }
        live = next;
    }
    load::report(&load.stop().await)?;
    spread("switch", calls)?;
    spread("first_answer", answered)
}

fn micros(since: Instant) -> u128 {
    since.elapsed().as_micros()
}

fn spread(name: &str, mut times: Vec<u128>) -> Result<()> {
    times.sort_unstable();
    say(&format!("{name}_median_us"), times[times.len() / 2])?;
    say(&format!("{name}_max_us"), times[times.len() - 1])
}
