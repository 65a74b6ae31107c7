//! The `bascule` program: arguments in, text or JSON out.
//!
//! What it holds to: nothing is decided here that belongs to a library. The environment, the clock and the exit code are
//! handled here and in [`machine`], and nowhere else.

mod arguments;
mod commands;
mod context;
mod control_plane;
mod demo;
mod doctor;
mod failure;
mod gates;
mod key;
mod machine;
mod object_files;
mod project;
mod provenance;
mod query;
mod screen;
mod secrets;
mod shipping;
mod text;
mod view;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::machine::Machine;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => {
            let context = Context::new(Machine::here(), arguments.global);
            let status = match arguments.command.map(|command| commands::run(command, &context)) {
                Some(Ok(status)) => status,
                Some(Err(failure)) => failure.report(&context.screen),
                None => arguments::no_command(),
            };
            ExitCode::from(status)
        }
        Err(error) => ExitCode::from(arguments::refuse(&error)),
    }
}
