//! `migrate undrop`: shows what contracts dropped softly, and brings it back. Where the environment is deployed, as a run of its
//! control plane: so its records agree, and a rollback to a release that needs what came back is allowed again.

use bascule_migrate::contract::Policy;
use bascule_migrate::{Made, Migrator, Undropped};
use bascule_migrations::Version;
use bascule_model::ids::EnvironmentKey;
use bascule_model::plan::RunKind;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::api::{Started, UndropRequest};
use bascule_server::databases;
use serde_json::json;

use super::here::{Here, Where, failed};
use crate::commands::ended::{self, Unbegun};
use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key;
use crate::screen::Format;
use crate::text::escape;
use crate::text::table::Table;
use crate::view::Now;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate undrop staging                           what is kept, and until when
  bascule migrate undrop staging --version 20260101120000  bring back what that one dropped
  bascule migrate undrop staging --all                     bring back all that is kept";

/// Options of `migrate undrop`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Where,

    /// Bring back what the contract of this migration dropped
    #[arg(long, value_name = "VERSION", conflicts_with = "all")]
    version: Option<String>,

    /// Bring back what all contracts dropped, the newest first
    #[arg(long)]
    all: bool,
}

/// Runs it.
///
/// # Errors
/// Those of the database; `CONTRACT_FINAL` for what is gone for good, `NOTHING_TO_ROLL_BACK_TO` when nothing is kept.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let made = context.block_on(async {
        let mut migrator = here.open(context).await?;
        let made = migrator.contracts_made().await.map_err(|error| failed(&error))?;
        migrator.close().await;
        Ok(made)
    })?;
    if args.version.is_none() && !args.all {
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "contracts": made }))?,
            Format::Text => context.screen.out(&listing(&made, &ended::now(context)))?,
        }
        return Ok(Exit::Done.status());
    }
    let chosen = chosen(&made, args.version.as_deref())?;
    let key =
        EnvironmentKey { app: here.environment.app.clone(), environment: here.environment.name.clone() };
    if deployed(context, &key)? {
        let wanted = Unbegun {
            app: Some(key.app.clone()),
            environment: &here.environment.name,
            kind: RunKind::Undrop,
        };
        let versions = chosen.iter().map(|version| version.0.clone()).collect();
        return context.block_on(ended::carry_out(
            context,
            &wanted,
            Ok(key.clone()),
            async |control_plane, key| {
                let request = UndropRequest { key, versions, actor: context.machine.actor() };
                Ok(control_plane.client().post::<Started>("/v1/undrop", &request).await?)
            },
        ));
    }
    let undropped = context.block_on(straight(&here, &chosen, context))?;
    match context.screen.format {
        Format::Json => context.screen.json(&json!({ "undropped": undropped }))?,
        Format::Text => context.screen.out(&text(&undropped))?,
    }
    Ok(Exit::Done.status())
}

/// Which contracts are taken back, the newest first.
fn chosen(made: &[Made], version: Option<&str>) -> Result<Vec<Version>, Problem> {
    let chosen: Vec<&Made> = match version {
        Some(version) => made.iter().filter(|one| one.version.0 == version).collect(),
        None => made.iter().filter(|one| one.gone.is_none()).collect(),
    };
    if let Some(gone) = chosen.iter().find_map(|one| one.gone.as_deref()) {
        return Err(databases::problem::contract_final(gone));
    }
    if !chosen.is_empty() {
        return Ok(chosen.into_iter().map(|one| one.version.clone()).collect());
    }
    // Of all of them, none can come back.
    if let Some(gone) = made.iter().filter(|_| version.is_none()).find_map(|one| one.gone.as_deref()) {
        return Err(databases::problem::contract_final(gone));
    }
    let what = version.map_or_else(
        || "no contract has dropped anything that is still kept".to_owned(),
        |version| format!("the contract of {version} has dropped nothing that is still kept"),
    );
    Err(Problem::new(
        Code::NothingToRollBackTo,
        what,
        "`bascule migrate undrop` lists what is kept; `bascule migrate history` says who did what",
    ))
}

/// Whether a release of this environment is live here. Nobody is started to be asked where nothing was ever deployed.
fn deployed(context: &Context, key: &EnvironmentKey) -> Result<bool, Failure> {
    let state = context.state()?;
    // The journal, or the note that says in which database it is.
    if !["journal.db", "journal.json"].iter().any(|name| state.join(name).exists()) {
        return Ok(false);
    }
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        Ok(key::status(&control_plane, key).await.is_ok_and(|status| status.live.is_some()))
    })
}

async fn straight(here: &Here, versions: &[Version], context: &Context) -> Result<Vec<Undropped>, Failure> {
    let policy = Policy { lock_timeout: here.database.lock_timeout.get(), ..Policy::default() };
    let mut migrator: Migrator = here.open(context).await?;
    let mut undropped = Vec::new();
    for version in versions {
        undropped.push(migrator.undrop(version, &policy).await.map_err(|error| failed(&error))?);
    }
    migrator.close().await;
    Ok(undropped)
}

fn listing(made: &[Made], now: &Now) -> String {
    if made.is_empty() {
        return "nothing is kept under another name".to_owned();
    }
    let mut table = Table::default();
    for one in made {
        for away in &one.away {
            let until = away.hard_after.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
            let fate = match (&one.gone, until) {
                (Some(_), _) => "cannot come back".to_owned(),
                (None, Some(until)) => format!("kept until {} at least", now.clock(until)),
                (None, None) => "kept".to_owned(),
            };
            table.row([escape::line(&one.version.0).into(), escape::line(&away.words()).into(), fate.into()]);
        }
    }
    let mut text = table.render(0);
    for gone in made.iter().filter_map(|one| one.gone.as_deref()) {
        text.push_str(&format!("{}\n", escape::line(gone)));
    }
    text
}

fn text(undropped: &[Undropped]) -> String {
    let mut text = String::new();
    for one in undropped {
        let back: Vec<String> = one.back.iter().map(|one| escape::line(&one.words())).collect();
        text.push_str(&format!("↩ {} is back: {}\n", escape::line(&one.version.0), back.join(", ")));
        for filled in &one.filled {
            text.push_str(&format!("  {}: rows that came meanwhile are filled in\n", escape::line(filled)));
        }
        for note in one.notes() {
            text.push_str(&format!("  {}\n", escape::line(&note)));
        }
    }
    text
}
