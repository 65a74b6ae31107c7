//! `demo-app`: the example app inside this program, which is how the demo has an app to deploy without building one.

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule demo-app --port 3000    run it by hand";

/// Options of `demo-app`: those of the example app.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Where it listens, on 127.0.0.1 [default: $PORT, else 3000]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

/// Runs it until it is told to stop. Its exit statuses are its own.
///
/// # Errors
/// None: the app says itself what is wrong.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let arguments = args.port.map(|port| format!("--port={port}"));
    Ok(shop::program(arguments, |name| context.machine.variable(name)))
}
