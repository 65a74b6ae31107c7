//! `secret scan`: secrets that stand in files in clear.

use bascule_model::problem::{Code, Exit, Problem};
use bascule_secrets::scan::{self, ScanError};
use clap::ValueEnum;

use super::ScanArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::{escape, number};

/// The form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// As `--output` says.
    Usual,
    /// SARIF 2.1.0.
    Sarif,
}

pub fn run(args: &ScanArgs, context: &Context) -> Result<u8, Failure> {
    let here = context.folder();
    let path =
        args.path.as_ref().map_or_else(|| here.clone(), |path| context.machine.current_folder().join(path));
    let found = scan::scan(&path).map_err(|error| refused(&error))?;
    match (args.form, context.screen.format) {
        (Form::Sarif, _) => context.screen.json(&scan::sarif(&found, env!("CARGO_PKG_VERSION")))?,
        (Form::Usual, Format::Json) => context.screen.json(&scan::json(&found))?,
        (Form::Usual, Format::Text) => {
            let text = scan::text(&found);
            let lines: Vec<String> = text.lines().map(escape::line).collect();
            context.screen.out(&lines.join("\n"))?;
        }
    }
    if found.findings.is_empty() {
        return Ok(Exit::Done.status());
    }
    let problem = Problem::new(
        Code::SecretsFound,
        format!(
            "{} of secrets that stand in files in clear",
            number::of(found.findings.len() as u64, "finding")
        ),
        "put each into the store (bascule secret set ENV NAME); where it was committed, have a new one made",
    );
    if context.screen.format == Format::Text && args.form == Form::Usual {
        return Err(problem.into());
    }
    Ok(problem.code.exit().status())
}

fn refused(error: &ScanError) -> Problem {
    Problem::new(Code::Usage, error.to_string(), "name a folder or file that this user can read")
}
