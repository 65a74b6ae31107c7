//! The part of `scripts/bench` that is better written in Rust: load with honest latencies, idle connections.
//! Results are lines of `key=value` on standard output.

mod anew;
mod answers;
mod backfill;
mod boot;
mod edge;
mod history;
mod hold;
mod load;
mod moment;
mod switches;
mod took;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, bail};

const USAGE: &str = "bench port | answers ADDRESS | hold ADDRESS COUNT | load ADDRESS key=value… \
     | edge STATE | route STATE LISTEN BLUE GREEN | switches STATE ADDRESS COUNT key=value… \
     | edge-pid STATE | boot PROGRAM COUNT MS | moment ADDRESS COMMAND… | anew ADDRESS COMMAND… | history JOURNAL APP/ENV COUNT \
     | backfill ADDRESS-FILE TABLE KEY STATEMENT | round-trip ADDRESS-FILE | took COMMAND…";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["port"] => say("", TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()),
        ["answers", target] => answers::wait(address(target)?),
        ["hold", target, count] => hold::hold(address(target)?, count.parse()?),
        ["load", target, ref settings @ ..] => load::run(address(target)?, settings),
        ["edge", state] => edge::run(Path::new(state)),
        ["route", state, listen, blue, green] => {
            wait_for(edge::route(Path::new(state), address(listen)?, address(blue)?, address(green)?))
        }
        ["switches", state, target, count, ref settings @ ..] => {
            wait_for(switches::run(Path::new(state), address(target)?, count.parse()?, settings))
        }
        ["edge-pid", state] => wait_for(edge::pid(Path::new(state))),
        ["boot", program, count, boot_ms] => boot::run(program, count.parse()?, boot_ms),
        ["anew", target, ref command @ ..] => anew::run(address(target)?, command),
        ["moment", target, ref command @ ..] => moment::run(address(target)?, command),
        ["history", file, key, count] => wait_for(history::write(Path::new(file), key, count.parse()?)),
        ["backfill", address, table, key, statement] => {
            wait_for(backfill::run(address, table, key, statement))
        }
        ["round-trip", address] => wait_for(backfill::round_trip(address)),
        ["took", ref command @ ..] => took::run(command),
        _ => bail!("usage: {USAGE}"),
    }
}

fn wait_for(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn address(text: &str) -> Result<SocketAddr> {
    text.parse().with_context(|| format!("`{text}` is not an address such as 127.0.0.1:8080"))
}

/// Writes `key=value`, or the bare value when there is no key.
fn say(key: &str, value: impl std::fmt::Display) -> Result<()> {
    let equals = if key.is_empty() { "" } else { "=" };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{key}{equals}{value}")?;
    Ok(out.flush()?)
}
