//! `migrate backfill`: how far backfills are; pause, resume or give one up. The decision reaches its runner with the next batch,
//! wherever that runs.

use bascule_migrate::backfill::{self, Id, Record};
use bascule_migrations::Version;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::databases;
use serde_json::json;

use super::here::Where;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::table::Table;
use crate::text::{escape, time};

const AFTER_HELP: &str = "\
Examples:
  bascule migrate backfill staging                             how far they are
  bascule migrate backfill staging --pause 20260101120000#1
  bascule migrate backfill staging --resume 20260101120000#1
  bascule migrate backfill staging --abandon 20260101120000#1";

/// Options of `migrate backfill`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    /// Have one wait
    #[arg(long, value_name = "BACKFILL", group = "decision")]
    pause: Option<String>,

    /// Have one go on
    #[arg(long, value_name = "BACKFILL", group = "decision")]
    resume: Option<String>,

    /// Give one up: its contract no longer waits for it
    #[arg(long, value_name = "BACKFILL", group = "decision")]
    abandon: Option<String>,
}

/// Runs it.
///
/// # Errors
/// Those of the database; a backfill that there is none of.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let said = |error: backfill::Error| databases::problem::fill(&error);
    context.block_on(async {
        let mut migrator = here.open(context).await?;
        let connection = migrator.connection();
        backfill::ensure(connection).await.map_err(|error| {
            Problem::new(
                Code::DatabaseUnavailable,
                format!("reading the backfills: {error}"),
                "see what the server says",
            )
        })?;
        if let Some(named) = &args.pause {
            backfill::pause(connection, &id(named)?).await.map_err(said)?;
        } else if let Some(named) = &args.resume {
            backfill::resume(connection, &id(named)?).await.map_err(said)?;
        } else if let Some(named) = &args.abandon {
            backfill::abandon(connection, &id(named)?).await.map_err(said)?;
        }
        let list = backfill::list(connection).await.map_err(said)?;
        migrator.close().await;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "backfills": list })),
            Format::Text => context.screen.out(&text(&list)),
        }
    })?;
    Ok(Exit::Done.status())
}

fn id(named: &str) -> Result<Id, Problem> {
    let parts = named.rsplit_once('#').and_then(|(version, part)| Some((version, part.parse().ok()?)));
    let Some((version, part)) = parts else {
        let remedy = "`bascule migrate backfill` lists them, as in `20260101120000#1`";
        return Err(Problem::new(Code::Usage, format!("{named} names no backfill"), remedy));
    };
    Ok(Id { version: Version(version.to_owned()), part })
}

fn text(list: &[Record]) -> String {
    if list.is_empty() {
        return "there are no backfills".to_owned();
    }
    let mut table = Table::default();
    for one in list {
        let of = one.estimate.map(|all| format!(" of {all}")).unwrap_or_default();
        let left = one.left().map(|left| format!("{} left", time::took(left))).unwrap_or_default();
        table.row([
            escape::line(&one.id.to_string()).into(),
            one.state.to_string().into(),
            escape::line(&one.table).into(),
            format!("{}{of} rows", one.done).into(),
            format!("{:.0} rows/s", one.rate).into(),
            left.into(),
        ]);
    }
    let mut text = table.render(0);
    for (one, error) in list.iter().filter_map(|one| Some((one, one.last_error.as_ref()?))) {
        text.push_str(&format!("{}: {}\n", one.id, escape::line(error)));
    }
    for (one, row) in list.iter().flat_map(|one| one.bad_rows.iter().map(move |row| (one, row))) {
        let key = row.key.join(", ");
        text.push_str(&format!("{}: row {}: {}\n", one.id, escape::line(&key), escape::line(&row.error)));
    }
    text
}
