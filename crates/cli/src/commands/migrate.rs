//! `migrate`: the migrations of a database, on their own. The same library does them as a step of a deploy.

mod backfill;
mod baseline;
mod down;
mod here;
mod history;
mod lint;
mod new;
mod plan;
mod rehearse;
mod repair;
mod schema;
mod status;
mod undrop;
mod up;

use crate::context::Context;
use crate::failure::Failure;

pub use here::{Here, Where};

const AFTER_HELP: &str = "\
Examples:
  bascule migrate new add_full_name    a file in the folder's convention
  bascule migrate lint                 what would hurt, before it does
  bascule migrate plan staging         each statement, with its lock and its way back
  bascule migrate up staging           apply what is pending
  bascule migrate status staging       what is applied, and what is not";

/// Options of `migrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show how files and database stand to each other
    Status(status::Args),
    /// Show what `up` would do: SQL, phase, lock, rows, way back
    Plan(plan::Args),
    /// Apply what is pending
    Up(up::Args),
    /// Take migrations back
    Down(down::Args),
    /// Bring back what was dropped softly
    Undrop(undrop::Args),
    /// Write an empty migration in the folder's convention
    New(new::Args),
    /// Look for what would hurt a release that serves
    Lint(lint::Args),
    /// Try what is pending on a copy: up, down, up
    Rehearse(rehearse::Args),
    /// Decide where files, journal and database do not agree
    Repair(repair::Args),
    /// Take what is in the database as applied
    Baseline(baseline::Args),
    /// Show who applied what, and when
    History(history::Args),
    /// Print the schema of the database
    Schema(schema::Args),
    /// Show backfills; pause, resume or give one up
    Backfill(backfill::Args),
}

/// Runs it and gives the exit status.
///
/// # Errors
/// The manifest's mistakes, and those of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    match &args.what {
        What::Status(args) => status::run(args, context),
        What::Plan(args) => plan::run(args, context),
        What::Up(args) => up::run(args, context),
        What::Down(args) => down::run(args, context),
        What::Undrop(args) => undrop::run(args, context),
        What::New(args) => new::run(args, context),
        What::Lint(args) => lint::run(args, context),
        What::Rehearse(args) => rehearse::run(args, context),
        What::Repair(args) => repair::run(args, context),
        What::Baseline(args) => baseline::run(args, context),
        What::History(args) => history::run(args, context),
        What::Schema(args) => schema::run(args, context),
        What::Backfill(args) => backfill::run(args, context),
    }
}
