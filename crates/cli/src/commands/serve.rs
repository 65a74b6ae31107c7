//! `serve`: the control plane, in this process.

use std::collections::BTreeMap;

use bascule_server::{ServeOptions, serve};

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule serve                         until Ctrl-C; traffic goes on without it
  bascule serve --state /var/lib/shop   for another state folder

The journal is a file in the state folder. Where BASCULE_JOURNAL is set to the address of a PostgreSQL
database (postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full), it is there, and several control
planes can share it. The folder remembers which database it is.";

/// Options of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Leave the caller's session and terminal: how other commands start it
    #[arg(long, hide = true)]
    background: bool,
}

/// Runs it until it is told to end.
///
/// # Errors
/// Why it could not start: the state folder, its lock, the journal.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    if args.background {
        // Refused only to the leader of a process group, which has left its caller already.
        let _ = rustix::process::setsid();
    }
    let options = ServeOptions {
        state: context.state()?,
        program: context.machine.program()?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: variables(context),
    };
    context.block_on_threads(async { Ok(serve(options).await?) })
}

/// What builds may need and instances get a part of. Variables that are no text are left out.
fn variables(context: &Context) -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    context.machine.variables().into_iter().filter_map(text).collect()
}
