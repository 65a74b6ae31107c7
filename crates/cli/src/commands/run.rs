//! `run show`: the report of a run; with `--follow` first to its end. `run resume`: goes on with an environment of a cluster whose last
//! run was begun on another machine.

use bascule_engine::take_over::Resumed;
use bascule_model::ids::{EnvironmentKey, EnvironmentName, RunId};
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::api::{ResumeRequest, Started};

use crate::commands::ended;
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::project::namespace;
use crate::screen::Format;
use crate::view;

const AFTER_HELP: &str = "\
Examples:
  bascule run show run-1k2m3n4p5q6            each step, times, evidence, why
  bascule run show run-1k2m3n4p5q6 --follow   while it goes on";

const AFTER_HELP_SHOW: &str = "\
Examples:
  bascule run show run-1k2m3n4p5q6                  the report
  bascule run show run-1k2m3n4p5q6 --follow         watch it; exit status of its outcome
  bascule run show run-1k2m3n4p5q6 --output json    as data, with every event";

const AFTER_HELP_RESUME: &str = "\
Examples:
  bascule run resume production     on a machine that can reach the cluster

What a run of a cluster needs to go on is kept in a Secret of its namespace. The machine
that had the environment before is refused from then on, and told where it is. Where no
run is unfinished this state folder knows the environment afterwards, and that is all.

Exit status: that of the run's outcome; 0 where no run is unfinished, 6 while the other
machine is at work.";

/// Options of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the report: each step, times, evidence, and why
    Show(Show),
    /// Go on with what another machine began in a cluster
    Resume(Resume),
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP_SHOW)]
struct Show {
    /// The run, as `bascule history` lists it
    #[arg(value_name = "RUN")]
    run: String,

    /// Follow it to its end; the exit status is that of its outcome
    #[arg(long, short)]
    follow: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP_RESUME)]
struct Resume {
    /// The environment, as in `production`
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
}

/// Runs it.
///
/// # Errors
/// When there is no such run, or it could not be followed; why an environment cannot be taken over.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    match &args.what {
        What::Show(args) => show(args, context),
        What::Resume(args) => resume(args, context),
    }
}

fn show(args: &Show, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let run = RunId::from_text(&args.run);
        if args.follow {
            let outcome = ended::followed(context, &control_plane, &Started { run }).await?;
            return Ok(ended::status(&outcome));
        }
        let report = ended::report(&control_plane, &run).await?;
        match context.screen.format {
            Format::Text => context.screen.out(&view::report::report(&report, &ended::now(context)))?,
            Format::Json => context.screen.json(&report)?,
        }
        Ok(Exit::Done.status())
    })
}

fn resume(args: &Resume, context: &Context) -> Result<u8, Failure> {
    let project = context.project()?;
    // Where the environment is does not hang on values that only a deploy needs.
    let place = project.manifest()?.environments.get(&args.environment).and_then(namespace);
    let key = EnvironmentKey { app: project.app()?, environment: args.environment.clone() };
    let Some(place) = place else {
        return Err(Problem::new(
            Code::Usage,
            format!(
                "{} is in no cluster: its runs go on by themselves where they were begun",
                args.environment
            ),
            "name an environment with target = \"kubernetes\"",
        )
        .into());
    };
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let request = ResumeRequest {
            key,
            place,
            project: Some(project.folder.clone()),
            actor: context.machine.actor(),
        };
        let resumed: Resumed = control_plane.client().post("/v1/resume", &request).await?;
        context.screen.note(&view::resumed::words(&resumed, &args.environment));
        match resumed {
            Resumed::Here { run, .. } | Resumed::TakenOver { run, is_over: false, .. } => {
                Ok(ended::status(&ended::followed(context, &control_plane, &Started { run }).await?))
            }
            Resumed::Nothing | Resumed::TakenDown { .. } | Resumed::TakenOver { .. } => {
                if context.screen.format == Format::Json {
                    context.screen.json(&resumed)?;
                }
                Ok(Exit::Done.status())
            }
        }
    })
}
