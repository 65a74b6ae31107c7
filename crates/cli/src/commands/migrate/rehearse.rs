//! `migrate rehearse`: tries what is pending on a copy of the database, up, down and up, and the queries of `smoke`.

use bascule_migrate::rehearse::{self, Order, Place, ROWS_UP_TO, Request};
use bascule_migrate::tools::Tools;
use bascule_migrate::{Missing, Phases, Wish};
use bascule_migrations::Migration;
use bascule_model::problem::Exit;
use bascule_server::databases;

use super::here::{Where, failed};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate rehearse staging
  bascule migrate rehearse staging --output json";

/// So many of the statements that the server counted are tried too.
const COUNTED: u32 = 50;

/// Options of `migrate rehearse`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,
}

/// Runs it; exit status 4 when a migration fails or a query breaks.
///
/// # Errors
/// When no copy can be made.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let set = here.set()?;
    let scratch = tempfile_folder(context)?;
    let tools = Tools::new(&context.machine.variable("PATH").unwrap_or_default(), scratch);
    let rehearsal = context.block_on(async {
        let mut migrator = here.open(context).await?;
        let journal = migrator.journal().await.map_err(|error| failed(&error))?;
        let phased = databases::phased(&set.migrations, &journal, migrator.server().dialect())?;
        let wish = Wish { missing: Missing::Borne, ..Wish::new(Phases::Expand) };
        let versions = migrator.plan(&phased, &wish).await.map_err(|error| failed(&error))?.versions;
        migrator.close().await;
        let pending: Vec<Migration> =
            phased.into_iter().filter(|migration| versions.contains(&migration.version)).collect();
        let place = match &here.access.shadow_url {
            Some(url) => Place::At(here.reach(databases::address(url, Some(&here.project))?).await?),
            None => Place::Own,
        };
        let database = here.reached().await?;
        let request = Request {
            database: &database,
            pending: &pending,
            order: if journal.records.is_empty() { Order::Files } else { Order::Phases },
            place,
            rows_up_to: ROWS_UP_TO,
            live: &here.database.smoke,
            next: &here.database.smoke,
            counted: COUNTED,
            tools: &tools,
        };
        let done = rehearse::rehearse(&request).await;
        Ok(done.map_err(|error| databases::problem::rehearsal(&error))?)
    })?;
    match context.screen.format {
        Format::Json => context.screen.json(&rehearsal)?,
        Format::Text => context.screen.out(&rehearsal.to_string())?,
    }
    Ok(if rehearsal.passed() { Exit::Done.status() } else { Exit::Refused.status() })
}

/// Where files lie that only live as long as the rehearsal.
fn tempfile_folder(context: &Context) -> Result<std::path::PathBuf, Failure> {
    let state = context.state()?;
    std::fs::create_dir_all(&state).map_err(|error| {
        bascule_model::problem::Problem::new(
            bascule_model::problem::Code::StateUnusable,
            format!("making the state folder {}: {error}", state.display()),
            "name another folder with --state",
        )
    })?;
    Ok(state)
}
