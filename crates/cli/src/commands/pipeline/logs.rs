//! `pipeline logs`: what a job wrote.

use bascule_model::problem::Exit;
use bascule_server::pipelines::api::JobLog;
use serde_json::json;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::{self, encoded};
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::{DIM, paint};

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline logs $RUN unit                    every attempt
  bascule pipeline logs $RUN unit --stage testing    where several stages have one";

/// Options of `pipeline logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The run, as `bascule pipeline list` lists it
    #[arg(value_name = "RUN")]
    run: String,

    /// The job
    #[arg(value_name = "JOB")]
    job: String,

    /// Only that of this stage
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When there is no such run or job.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let path = format!("/v1/pipelines/{}/logs/{}", encoded(&args.run), encoded(&args.job));
        let stage: Vec<(&str, &str)> = args.stage.iter().map(|stage| ("stage", stage.as_str())).collect();
        let logs: Vec<JobLog> = control_plane.get(&query::path(&path, &stage)).await?;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "logs": logs }))?,
            Format::Text if logs.is_empty() => context.screen.out("it was not run")?,
            Format::Text => {
                for log in &logs {
                    if logs.len() > 1 {
                        let head = format!("--- {}/{}, attempt {}", log.stage, log.job, log.attempt);
                        context.screen.out(&paint(DIM, &head))?;
                    }
                    context.screen.out(&escape::lines(&log.text))?;
                }
            }
        }
        Ok(Exit::Done.status())
    })
}
