//! `doctor`: what this machine has and lacks for a deploy, each with its fix. Looks only: nothing is started or changed.

use bascule_model::problem::Exit;
use serde_json::json;

use crate::context::Context;
use crate::doctor::{self, Finding, Grade};
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::style::{BAD, GOOD, WARNING, paint};
use crate::text::wrap::wrap;

const AFTER_HELP: &str = "\
Examples:
  bascule doctor                  exit 0, or 4 when something would stop a deploy
  bascule doctor --output json    as data";

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// When nobody reads it.
pub fn run(_: &Args, context: &Context) -> Result<u8, Failure> {
    let findings = context.block_on(async { Ok(doctor::examine(context).await) })?;
    let stops = findings.iter().any(|finding| finding.grade == Grade::Stops);
    match context.screen.format {
        Format::Json => context.screen.json(&json!({ "ok": !stops, "checks": findings }))?,
        Format::Text => {
            let lines: Vec<String> = findings.iter().map(shown).collect();
            context.screen.out(&lines.join("\n"))?;
        }
    }
    Ok(if stops { Exit::Refused.status() } else { Exit::Done.status() })
}

fn shown(finding: &Finding) -> String {
    let mark = match finding.grade {
        Grade::Good => paint(GOOD, "✓"),
        Grade::Warning => paint(WARNING, "!"),
        Grade::Stops => paint(BAD, "✗"),
    };
    let said = wrap(&finding.says, 18, 18);
    let fix = finding.fix.as_ref().map(|fix| format!("\n{:18}fix: {}", "", wrap(fix, 23, 18)));
    format!("{mark} {:<15} {said}{}", finding.check, fix.unwrap_or_default())
}
