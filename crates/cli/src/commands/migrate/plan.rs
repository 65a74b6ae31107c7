//! `migrate plan`: what `up` would do, each statement with what it means for whoever uses the database.

use bascule_migrate::{Plan, PlannedStatement};
use bascule_migrations::Phase;
use bascule_model::problem::Exit;

use super::here::{Opened, Where, failed};
use super::up::{Choice, wish};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::{DIM, STRONG, WARNING, paint};
use crate::text::wrap::wrap;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate plan staging
  bascule migrate plan staging --to 20260101120000
  bascule migrate plan staging --output json";

/// Options of `migrate plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    #[command(flatten)]
    choice: Choice,
}

/// Runs it.
///
/// # Errors
/// Those of the files and of the database.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    show(&here, &args.choice, context)
}

/// Shows what would be done.
///
/// # Errors
/// Those of the files and of the database.
pub fn show(here: &super::Here, choice: &Choice, context: &Context) -> Result<u8, Failure> {
    let plan = context.block_on(async {
        let Opened { mut migrator, set, journal, by_deploys } = here.open_with_journal(context).await?;
        let phase = super::up::phase(choice, by_deploys);
        let wish = wish(choice, phase, &set)?;
        let migrations = super::up::migrations(&set, &journal, phase, migrator.server().dialect())?;
        let plan = migrator.plan(&migrations, &wish).await.map_err(|error| failed(&error))?;
        migrator.close().await;
        Ok(plan)
    })?;
    match context.screen.format {
        Format::Json => context.screen.json(&plan)?,
        Format::Text => context.screen.out(&text(&plan))?,
    }
    Ok(if plan.differences.is_empty() { Exit::Done.status() } else { Exit::Refused.status() })
}

fn text(plan: &Plan) -> String {
    let mut text = format!("{}\n", wrap(&plan.guarantees, 0, 0));
    if plan.versions.is_empty() {
        text.push_str("nothing is pending\n");
    }
    for version in &plan.versions {
        let own: Vec<&PlannedStatement> =
            plan.statements.iter().filter(|statement| statement.version == *version).collect();
        let path = own.first().map_or("", |statement| statement.path.as_str());
        text.push_str(&format!("\n{} {}\n", paint(STRONG, &escape::line(&version.0)), escape::line(path)));
        for statement in own {
            text.push_str(&one(statement));
        }
    }
    for difference in &plan.differences {
        let line = format!("! {}: {}", difference.version, difference.what);
        text.push_str(&format!("\n{}\n", paint(WARNING, &wrap(&escape::line(&line), 0, 2))));
    }
    text
}

fn one(statement: &PlannedStatement) -> String {
    let sql = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let locks: Vec<String> =
        statement.locks.iter().map(|(table, mode)| format!("{mode} on {}", table.written)).collect();
    let mut words = vec![phase(statement.phase).to_owned()];
    words.extend((!locks.is_empty()).then(|| locks.join(", ")));
    words.push(bascule_server::databases::blocks(statement.blocks).to_owned());
    words.extend(statement.rows.map(|rows| format!("about {rows} rows")));
    words.push(bascule_server::databases::reversible(statement.reversible).to_owned());
    format!(
        "  {}\n    {}\n",
        wrap(&escape::line(&sql), 2, 4),
        paint(DIM, &wrap(&escape::line(&words.join("; ")), 4, 4))
    )
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand",
        Phase::Backfill => "backfill",
        Phase::Contract => "contract",
    }
}
