//! `migrate baseline`: takes what is in the database as applied. Another tool's table of versions says what that is; or a version
//! that is named.

use bascule_migrations::Version;
use bascule_model::problem::{Code, Exit, Problem};
use serde_json::json;

use super::here::{Where, failed};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::number;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate baseline staging                       as the other tool's table says
  bascule migrate baseline staging --to 20260101120000   all up to that one
  bascule migrate baseline staging --hand-back           write the other tool's table again";

/// Options of `migrate baseline`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    /// The last version that is in the database already
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,

    /// Write what was applied since into the other tool's table, to go back to that tool
    #[arg(long, conflicts_with = "to")]
    hand_back: bool,
}

/// Runs it.
///
/// # Errors
/// Those of the files and of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let set = here.set()?;
    let taken: Vec<Version> = context.block_on(async {
        let mut migrator = here.open(context).await?;
        let taken = match &args.to {
            Some(named) => {
                let found = set.find(named).ok_or_else(|| unknown(named))?;
                migrator.baseline(&set.migrations, &found.version).await
            }
            None if args.hand_back => migrator.hand_back(&set).await,
            None => migrator.adopt(&set).await,
        };
        let taken = taken.map_err(|error| failed(&error))?;
        migrator.close().await;
        Ok(taken)
    })?;
    let count = number::of(taken.len() as u64, "migration");
    let said = if args.hand_back { "written into the other tool's table" } else { "taken as applied" };
    match context.screen.format {
        Format::Json => context.screen.json(&json!({ "versions": taken }))?,
        Format::Text => context.screen.out(&format!("{count} {said}"))?,
    }
    Ok(Exit::Done.status())
}

fn unknown(named: &str) -> Problem {
    Problem::new(
        Code::MigrationsDiffer,
        format!("there is no migration {named}"),
        "`bascule migrate status` lists those that are there",
    )
}
