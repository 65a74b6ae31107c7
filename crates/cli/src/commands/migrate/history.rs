//! `migrate history`: who applied what, and when, by the database's own journal.

use bascule_migrate::Entry;
use bascule_migrate::contract::Deed;
use bascule_model::problem::Exit;

use super::here::{Where, failed};
use crate::commands::ended;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::escape;
use crate::text::table::Table;
use crate::view::Now;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate history staging
  bascule migrate history staging --output json";

/// Options of `migrate history`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,
}

/// Runs it.
///
/// # Errors
/// Those of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let entries = context.block_on(async {
        let mut migrator = here.open(context).await?;
        let entries = migrator.history().await.map_err(|error| failed(&error))?;
        migrator.close().await;
        Ok(entries)
    })?;
    match context.screen.format {
        Format::Json => context.screen.json(&entries)?,
        Format::Text => context.screen.out(&text(&entries, &ended::now(context)))?,
    }
    Ok(Exit::Done.status())
}

fn text(entries: &[Entry], now: &Now) -> String {
    if entries.is_empty() {
        return "nothing was applied".to_owned();
    }
    let mut table = Table::default();
    for entry in entries {
        let what = match entry.contract {
            Some(Deed::Soft) => "contract, softly".to_owned(),
            Some(Deed::Undo) => "contract undone".to_owned(),
            Some(Deed::Hard) => {
                format!("dropped for good: {}", escape::line(entry.what.as_deref().unwrap_or_default()))
            }
            None => entry.phase.map_or_else(|| entry.origin.to_string(), |phase| phase.to_string()),
        };
        let when = entry.finished.or(entry.started).map(|at| now.clock(at)).unwrap_or_default();
        table.row([
            when.into(),
            escape::line(&entry.version.0).into(),
            escape::line(&entry.name).into(),
            what.into(),
            escape::line(&entry.owner).into(),
        ]);
    }
    table.render(0)
}
