//! `migrate lint`: what would hurt a release that serves, before it does. With a database at hand, severity goes by the rows that
//! are there.

use bascule_lint::{Finding, Severity};
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::databases;
use clap::ValueEnum;

use super::here::{Here, Where};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::number;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate lint                       all files, without a database
  bascule migrate lint staging --pending     what is pending there, by the rows that are there
  bascule migrate lint --fix                 mend what is mechanical
  bascule migrate lint --form sarif          for code scanning";

/// The form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// As `--output` says.
    Usual,
    /// SARIF 2.1.0.
    Sarif,
}

/// Options of `migrate lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    /// Ask the database: only what is pending, and how many rows its tables have
    #[arg(long)]
    pending: bool,

    /// Mend what is mechanical, in files that are not applied yet
    #[arg(long)]
    fix: bool,

    /// The form of the findings
    #[arg(long, value_name = "usual|sarif", default_value = "usual", hide_possible_values = true)]
    form: Form,
}

/// Runs it; exit status 4 when something blocks.
///
/// # Errors
/// Those of the files and of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let set = here.set()?;
    let today = jiff::tz::TimeZone::UTC.to_datetime(context.machine.now()).date();
    let findings = if args.pending {
        context.block_on(async {
            let mut migrator = here.open(context).await?;
            let findings = databases::lint_pending(&mut migrator, &set.migrations, today).await?;
            migrator.close().await;
            Ok(findings)
        })?
    } else {
        bascule_lint::lint(&set.migrations, &bascule_lint::Context::of(here.address.dialect(), today))
    };
    if args.fix {
        return fix(&here, &findings, context);
    }
    let folder = here.database.migrations.to_string();
    match (args.form, context.screen.format) {
        (Form::Sarif, _) => {
            context.screen.json(&bascule_lint::sarif(&findings, env!("CARGO_PKG_VERSION"), &folder))?;
        }
        (Form::Usual, Format::Json) => context.screen.json(&bascule_lint::json(&findings))?,
        (Form::Usual, Format::Text) if findings.is_empty() => context.screen.out("nothing found")?,
        (Form::Usual, Format::Text) => context.screen.out(&bascule_lint::text(&findings))?,
    }
    let blocks = findings.iter().any(|finding| finding.severity == Severity::Block);
    Ok(if blocks { Exit::Refused.status() } else { Exit::Done.status() })
}

/// Writes what is mechanical into the files.
fn fix(here: &Here, findings: &[Finding], context: &Context) -> Result<u8, Failure> {
    let folder = databases::place_in(Some(&here.project), &here.database.migrations.to_string());
    let mut paths: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.fix.is_some())
        .map(|finding| finding.path.as_str())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    for path in &paths {
        let place = folder.join(path);
        let failed = |error: std::io::Error| {
            Problem::new(
                Code::MigrationsUnreadable,
                format!("mending {}: {error}", place.display()),
                "make the file writable",
            )
        };
        let text = std::fs::read_to_string(&place).map_err(failed)?;
        let own: Vec<Finding> = findings.iter().filter(|finding| finding.path == *path).cloned().collect();
        std::fs::write(&place, bascule_lint::fixed(&text, &own)).map_err(failed)?;
        context.screen.note(&format!("mended {path}"));
    }
    context.screen.out(&format!("{} mended", number::of(paths.len() as u64, "file")))?;
    Ok(Exit::Done.status())
}
