//! `migrate up`: applies what is pending. All of each file, one after the other, unless a phase is asked for.

use std::borrow::Cow;

use bascule_migrate::{Journal, Missing, Order, Outcome, Phases, Wish};
use bascule_migrations::{Migration, MigrationSet, Version};
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::databases;
use bascule_sql::Dialect;
use clap::ValueEnum;

use super::here::{Opened, Where, failed};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::{number, time};

const AFTER_HELP: &str = "\
Examples:
  bascule migrate up staging                       all that is pending
  bascule migrate up staging --to 20260101120000   up to that one
  bascule migrate up staging --dry-run             only show it
  bascule migrate up staging --phase expand        what the live release can live with";

/// Which phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PhaseChoice {
    /// All of each file: nothing runs on the database, or nobody minds.
    All,
    /// What the live release can live with.
    Expand,
    /// What only former releases needed.
    Contract,
}

/// What is applied.
#[derive(Debug, Clone, clap::Args)]
pub struct Choice {
    /// The last version that is applied
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,

    /// Which phases [default: all; expand on a database that deploys change]
    #[arg(long, value_name = "all|expand|contract", hide_possible_values = true)]
    pub phase: Option<PhaseChoice>,

    /// Also apply what comes before one that is applied
    #[arg(long)]
    pub out_of_order: bool,
}

/// Options of `migrate up`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    #[command(flatten)]
    choice: Choice,

    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// Those of the files and of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    if args.dry_run {
        return super::plan::show(&here, &args.choice, context);
    }
    let outcome = context.block_on(async {
        // With `--to` there is more to say than that all is applied: whether there is such a version.
        let opened = match args.choice.to {
            None => here.open_to_apply(context).await?,
            Some(_) => Some(here.open_with_journal(context).await?),
        };
        let Some(Opened { mut migrator, set, journal, by_deploys }) = opened else {
            return Ok(Outcome::default());
        };
        let phase = phase(&args.choice, by_deploys);
        let wish = wish(&args.choice, phase, &set)?;
        let migrations = migrations(&set, &journal, phase, migrator.server().dialect())?;
        let outcome = migrator.up_from(&migrations, &wish, journal).await.map_err(|error| failed(&error))?;
        migrator.close().await;
        Ok(outcome)
    })?;
    match context.screen.format {
        Format::Json => context.screen.json(&outcome)?,
        Format::Text => context.screen.out(&text(&outcome))?,
    }
    Ok(Exit::Done.status())
}

/// Which phases: a database that deploys change has a release on it, so that only what it can live with is applied unasked.
pub fn phase(choice: &Choice, by_deploys: bool) -> PhaseChoice {
    choice.phase.unwrap_or(if by_deploys { PhaseChoice::Expand } else { PhaseChoice::All })
}

/// What is asked of the migrator.
///
/// # Errors
/// `MIGRATIONS_DIFFER` when there is no such version.
pub fn wish(choice: &Choice, phase: PhaseChoice, set: &MigrationSet) -> Result<Wish, Failure> {
    let to = match &choice.to {
        None => None,
        Some(named) => Some(version(named, set)?),
    };
    let phases = match phase {
        PhaseChoice::All => Phases::Everything,
        PhaseChoice::Expand => Phases::Expand,
        PhaseChoice::Contract => Phases::Contract,
    };
    let order = if choice.out_of_order { Order::Loose } else { Order::Strict };
    Ok(Wish { phases, to, order, missing: Missing::Borne })
}

/// The migrations as they are applied: split into phases where one is asked for.
///
/// # Errors
/// `MIGRATIONS_UNREADABLE` for a file that cannot be split.
pub fn migrations<'a>(
    set: &'a MigrationSet,
    journal: &Journal,
    phase: PhaseChoice,
    dialect: Dialect,
) -> Result<Cow<'a, [Migration]>, Failure> {
    match phase {
        PhaseChoice::All => Ok(Cow::Borrowed(&set.migrations)),
        PhaseChoice::Expand | PhaseChoice::Contract => {
            Ok(Cow::Owned(databases::phased(&set.migrations, journal, dialect)?))
        }
    }
}

fn version(named: &str, set: &MigrationSet) -> Result<Version, Problem> {
    set.find(named).map(|found| found.version.clone()).ok_or_else(|| {
        Problem::new(
            Code::MigrationsDiffer,
            format!("there is no migration {named}"),
            "`bascule migrate status` lists those that are there",
        )
    })
}

fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for one in &outcome.applied {
        text.push_str(&format!("✓ {} {}, {}\n", one.version, one.phase, time::took(one.took)));
    }
    if !outcome.by_others.is_empty() {
        let count = number::of(outcome.by_others.len() as u64, "migration");
        text.push_str(&format!("{count} applied by another runner meanwhile\n"));
    }
    if outcome.applied.is_empty() && outcome.by_others.is_empty() {
        text.push_str("nothing is pending\n");
    }
    text
}
