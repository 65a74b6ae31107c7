//! `exec`: a command in a fresh instance of the live release. Its input and outputs are this program's, its exit status too.

mod attend;
mod terminal;

use std::io::IsTerminal as _;

use bascule_model::ids::ServiceName;
use bascule_model::problem::{Code, Problem};
use bascule_server::api::ExecRequest;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key::Place;

const AFTER_HELP: &str = "\
Examples:
  bascule exec staging web -- ./shop migrate        a task, with web's configuration
  bascule exec staging web -- sh                    a console
  bascule exec staging web -- ./dump > dump.sql     its output
  bascule exec staging web -- ./load < dump.sql     and input

The command is no instance: it gets no requests, and ends when this program ends.
Secrets of the release are taken out of what it writes.
Its exit status is that of this program; 127 when there is no such program, 126
when it cannot be run, 128 and the signal's number when a signal has ended it.";

/// Options of `exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,

    /// The service whose configuration, limits and user it gets
    #[arg(value_name = "SERVICE")]
    service: ServiceName,

    /// Give it a terminal [default: when input and output are one]
    #[arg(long, short = 't', conflicts_with = "no_tty")]
    tty: bool,

    /// Give it none
    #[arg(long, short = 'T')]
    no_tty: bool,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When nothing is live, or the connection broke.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let is_interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let has_terminal = args.tty || (is_interactive && !args.no_tty);
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = ExecRequest {
            key: args.place.known(context, &control_plane).await?,
            service: args.service.clone(),
            command: args.command.clone(),
            terminal: has_terminal.then(terminal::size),
            actor: context.machine.actor(),
        };
        let connection = match control_plane.client().exec(&request).await {
            Ok(connection) => connection,
            Err(problem) => return not_started(context, problem),
        };
        let ended = {
            let _raw = if has_terminal { terminal::Raw::enter() } else { None };
            attend::until_the_end(connection, has_terminal).await
        };
        match ended {
            Ok(attend::End::Exit(status)) => Ok(status),
            Ok(attend::End::Lost(problem)) => not_started(context, problem),
            Err(error) => Err(Problem::new(
                Code::ControlPlaneUnavailable,
                format!("the connection to the command broke: {error}; with it the command has ended"),
                "look at what it has done, then run it again",
            )
            .into()),
        }
    })
}

/// A program that cannot be started is told as a shell tells it.
fn not_started(context: &Context, problem: Problem) -> Result<u8, Failure> {
    let Some(status) = status_of(&problem) else { return Err(problem.into()) };
    Failure::from(problem).say(&context.screen);
    Ok(status)
}

/// None: it is something else that went wrong.
fn status_of(problem: &Problem) -> Option<u8> {
    const MISSING: [&str; 4] = ["not found", "no such file", "is not there", "is not in the"];
    const UNFIT: [&str; 3] = ["permission denied", "not executable", "exec format error"];
    let message = problem.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match problem.code {
        Code::InstanceStartFailed | Code::ContainerEngineRefused if says(&MISSING) => Some(127),
        Code::ContainerEngineRefused if says(&UNFIT) => Some(126),
        Code::InstanceStartFailed => Some(126),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_started_has_a_shells_status() {
        use Code::{ContainerEngineRefused as Engine, InstanceStartFailed as Process, NothingLive};
        for (code, message, status) in [
            (Process, "nosuch was not found in PATH", Some(127)),
            (Process, "./x is not in the artifact", Some(127)),
            (Process, "./x is not executable: make it so", Some(126)),
            (Engine, "its program \"x\" is not in the image (executable file not found in $PATH)", Some(127)),
            (Engine, "it is not executable for that user (permission denied)", Some(126)),
            (Engine, "the mount is not to be had", None),
            (NothingLive, "nothing is live: not found", None),
        ] {
            assert_eq!(status_of(&Problem::new(code, message, "r")), status, "{message}");
        }
    }
}
