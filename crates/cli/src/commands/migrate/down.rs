//! `migrate down`: takes migrations back, from what the database keeps of them. Their files may be gone.

use bascule_migrate::{Details, Goal, Reverted};
use bascule_migrations::Version;
use bascule_model::problem::{Code, Exit, Problem};
use serde_json::json;

use super::here::{Where, failed};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::{escape, time};

const AFTER_HELP: &str = "\
Examples:
  bascule migrate down staging --last 1              the last one
  bascule migrate down staging --to 20260101120000   all after that one
  bascule migrate down staging --last 1 --dry-run    only show the SQL";

/// Options of `migrate down`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    /// Take back all that were applied after this one
    #[arg(long, value_name = "VERSION", conflicts_with = "last")]
    to: Option<String>,

    /// Take back so many
    #[arg(long, value_name = "NUMBER")]
    last: Option<usize>,

    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// Those of the database; `MIGRATION_IRREVERSIBLE` before anything is done.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let goal = match (&args.to, args.last) {
        (Some(to), _) => Goal::To { version: Version(to.clone()) },
        (None, Some(count)) => Goal::Last { count },
        (None, None) => {
            let remedy = "`bascule migrate down --last 1` takes the last one back";
            return Err(Problem::new(Code::Usage, "it is not said how far back", remedy).into());
        }
    };
    let here = args.place.resolve(context)?;
    context.block_on(async {
        let mut migrator = here.open(context).await?;
        if args.dry_run {
            let planned = migrator.plan_down(&goal).await.map_err(|error| failed(&error))?;
            migrator.close().await;
            return match context.screen.format {
                Format::Json => context.screen.json(&planned),
                Format::Text => context.screen.out(&planned_text(&planned)),
            };
        }
        let reverted = migrator.down(&goal).await.map_err(|error| failed(&error))?;
        migrator.close().await;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "reverted": reverted })),
            Format::Text => context.screen.out(&text(&reverted)),
        }
    })?;
    Ok(Exit::Done.status())
}

fn text(reverted: &[Reverted]) -> String {
    if reverted.is_empty() {
        return "nothing to take back".to_owned();
    }
    reverted.iter().map(|one| format!("↩ {} taken back, {}\n", one.version, time::took(one.took))).collect()
}

fn planned_text(planned: &[Details]) -> String {
    let mut text = String::new();
    for one in planned {
        text.push_str(&format!("{} {}\n", escape::line(&one.version.0), escape::line(&one.path)));
        for statement in one.down.iter().flatten() {
            let sql = statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
            text.push_str(&format!("  {}\n", escape::line(&sql)));
        }
    }
    if text.is_empty() { "nothing to take back".to_owned() } else { text }
}
