//! `migrate status`: how files and database stand to each other.

use bascule_migrate::{Standing, Status};
use bascule_model::problem::Exit;
use bascule_server::databases;

use super::here::{Where, failed};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::{BAD, DIM, GOOD, WARNING};
use crate::text::table::{Cell, Table};

const AFTER_HELP: &str = "\
Examples:
  bascule migrate status                   of the only environment with a database
  bascule migrate status staging
  bascule migrate status --output json";

/// Options of `migrate status`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,
}

/// Runs it.
///
/// # Errors
/// Those of the files and of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let (status, foreign) = context.block_on(async {
        let (mut migrator, set) = here.open_and_read(context).await?;
        let status = migrator.status(&set.migrations).await.map_err(|error| failed(&error))?;
        let foreign = migrator.foreign(&set).await.map_err(|error| failed(&error))?;
        migrator.close().await;
        Ok((status, foreign))
    })?;
    if let Err(problem) = databases::foreign_problem(foreign, here.environment.name.as_str()) {
        context.screen.note(&format!("{}: {}", problem.message, problem.remedy));
    }
    match context.screen.format {
        Format::Json => context.screen.json(&status)?,
        Format::Text => context.screen.out(&text(&status))?,
    }
    Ok(Exit::Done.status())
}

fn text(status: &Status) -> String {
    let mut table = Table::default();
    for line in &status.lines {
        table.row([
            cell(line.standing),
            escape::line(&line.version.0).into(),
            escape::line(&line.name).into(),
            escape::line(line.path.as_deref().unwrap_or("no file")).into(),
        ]);
    }
    let pending = status
        .lines
        .iter()
        .filter(|line| matches!(line.standing, Standing::Pending | Standing::OutOfOrder | Standing::Reverted))
        .count();
    let head = match (status.lines.len(), pending) {
        (0, _) => "there are no migrations".to_owned(),
        (all, 0) => format!("all of {all} applied"),
        (all, pending) => format!("{pending} of {all} pending"),
    };
    format!("{head}\n{}", table.render(2))
}

fn cell(standing: Standing) -> Cell {
    let (word, style) = match standing {
        Standing::Pending => ("pending", WARNING),
        Standing::OutOfOrder => ("pending, out of order", BAD),
        Standing::Applying => ("half applied", BAD),
        Standing::Applied => ("applied", GOOD),
        Standing::ContractWaits => ("applied, contract waits", GOOD),
        Standing::Contracting => ("half contracted", BAD),
        Standing::Reverting => ("half taken back", BAD),
        Standing::Reverted => ("taken back", WARNING),
        Standing::Edited => ("edited since", BAD),
        Standing::Missing => ("applied, no file", BAD),
        Standing::Removed => ("applied, removed", DIM),
    };
    Cell::styled(word, style)
}
