//! `validate`: reads the manifest and says every mistake. With an environment also what it needs from this machine: its
//! env file and variables.

use bascule_model::ids::EnvironmentName;
use bascule_model::problem::Exit;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::project::{MANIFEST, Project};
use crate::screen::Format;
use crate::text::number;
use crate::text::style::{GOOD, paint};

const AFTER_HELP: &str = "\
Examples:
  bascule validate                  the manifest of this project
  bascule validate production       also its env file and ${VARIABLES}
  bascule validate --output json    for an editor or CI";

/// Options of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Look also at what this environment needs from this machine: its env file and ${VARIABLES}
    #[arg(value_name = "ENV")]
    environment: Option<EnvironmentName>,
}

/// Runs it; a wrong manifest is an answer, with exit status 2.
///
/// # Errors
/// When there is no manifest to read.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let project = context.project()?;
    match check(args, context, &project) {
        Ok(summary) => {
            match context.screen.format {
                Format::Text => context.screen.out(&text(args, &summary))?,
                Format::Json => context.screen.json(&summary)?,
            }
            Ok(Exit::Done.status())
        }
        Err(failure @ Failure::Manifest(_)) if context.screen.format == Format::Json => {
            if let Failure::Manifest(diagnostics) = &failure {
                context.screen.json(&json!({ "valid": false, "diagnostics": diagnostics.records() }))?;
            }
            Ok(failure.status())
        }
        Err(failure) => Err(failure),
    }
}

fn check(args: &Args, context: &Context, project: &Project) -> Result<serde_json::Value, Failure> {
    let manifest = project.manifest()?;
    if let Some(environment) = &args.environment {
        project.resolve(environment, &|name| context.machine.variable(name))?;
    }
    let services: Vec<_> = manifest.services.keys().collect();
    let environments: Vec<_> = manifest.environments.keys().collect();
    Ok(json!({
        "valid": true,
        "file": project.folder.join(MANIFEST),
        "app": manifest.app.value,
        "services": services,
        "environments": environments,
    }))
}

fn text(args: &Args, summary: &serde_json::Value) -> String {
    let counted =
        |name: &str, what: &str| number::of(summary[name].as_array().map_or(0, Vec::len) as u64, what);
    let beside = match &args.environment {
        Some(environment) => format!("; {environment} has all that it needs from this machine"),
        None => String::new(),
    };
    format!(
        "{}: {MANIFEST} of {}, {}, {}{beside}",
        paint(GOOD, "valid"),
        summary["app"].as_str().unwrap_or_default(),
        counted("services", "service"),
        counted("environments", "environment"),
    )
}
