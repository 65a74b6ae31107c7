//! Some of every kind of traffic against a shop for some seconds, and the figures as JSON:
//! `cargo run -p bascule-load --example mixed -- 127.0.0.1:3000 5`

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use bascule_load::Profile;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let target = words.next().context("give an address such as 127.0.0.1:3000")?.parse()?;
    let seconds = words.next().map_or(Ok(5.0), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let load = bascule_load::start(Profile::mixed(target))?;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        anyhow::Ok(load.stop().await)
    })?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}
