//! `migrate schema`: the schema of the database as a text that is the same for the same schema.

use bascule_migrate::schema::{Filter, snapshot};
use bascule_model::problem::{Code, Exit, Problem};

use super::here::Where;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate schema staging
  bascule migrate schema staging > schema.txt  to compare it later";

/// Options of `migrate schema`.
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
    let found = context.block_on(async {
        let mut migrator = here.open(context).await?;
        let found = snapshot(migrator.connection(), &Filter::ours()).await.map_err(|error| {
            Problem::new(
                Code::DatabaseUnavailable,
                format!("reading the schema: {error}"),
                "see that the user of `url` may read the catalog",
            )
        })?;
        migrator.close().await;
        Ok(found)
    })?;
    match context.screen.format {
        Format::Json => context.screen.json(&found)?,
        Format::Text => context.screen.out(&found.to_string())?,
    }
    Ok(Exit::Done.status())
}
