//! The load client for some seconds, and its figures.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bascule_load::{Figures, Profile, Retry};

use crate::say;

/// `http1=32 http2=0 rate=4000 seconds=4`: plain requests for `/`. Nothing is sent again: what breaks is counted.
pub fn run(target: SocketAddr, settings: &[&str]) -> Result<()> {
    let (profile, time) = profile(target, settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let load = bascule_load::start(profile)?;
        tokio::time::sleep(time).await;
        anyhow::Ok(load.stop().await)
    })?;
    report(&figures)
}

pub fn profile(target: SocketAddr, settings: &[&str]) -> Result<(Profile, Duration)> {
    let mut profile = Profile { path: Some("/".to_owned()), retry: Retry::Unsent, ..Profile::idle(target) };
    let mut time = Duration::from_secs(4);
    for setting in settings {
        let (key, value) =
            setting.split_once('=').with_context(|| format!("`{setting}` is not key=value"))?;
        match key {
            "http1" => profile.http1 = value.parse()?,
            "http2" => profile.http2 = value.parse()?,
            "rate" => profile.rate_per_second = Some(value.parse()?),
            "seconds" => time = Duration::from_secs_f64(value.parse()?),
            _ => bail!("there is no setting `{key}`"),
        }
    }
    Ok((profile, time))
}

pub fn report(figures: &Figures) -> Result<()> {
    say("requests", figures.started())?;
    say("failed", figures.failed())?;
    say("retried", figures.retries().unsent + figures.retries().reused)?;
    say("p50_us", figures.latency.p50_us)?;
    say("p99_us", figures.latency.p99_us)?;
    say("p999_us", figures.latency.p999_us)?;
    say("max_us", figures.latency.max_us)?;
    say("max_gap_ms", figures.max_gap_ms)?;
    for failure in figures.failures.iter().take(5) {
        say("failure", format!("{} ms, {:?}: {}", failure.at_ms, failure.cause, failure.detail))?;
    }
    Ok(())
}
