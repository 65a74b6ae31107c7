//! `backup`: takes backups of a database, proves them by reading them back, and puts one back in its place.

use std::sync::Arc;

use bascule_backup::{Backups, Existing, Id, Manifest, Retention};
use bascule_engine::draft::backup_policy;
use bascule_migrate::tools::Tools;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::databases::{self, backups};
use serde_json::json;

use crate::commands::ended;
use crate::commands::migrate::{Here, Where};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::table::Table;
use crate::text::{escape, number, time};
use crate::view::Now;

const AFTER_HELP: &str = "\
Examples:
  bascule backup create staging            take one, and read it back
  bascule backup list staging
  bascule backup verify staging --id shop-staging-20260101T120000Z-1a2b
  bascule backup restore staging --id shop-staging-20260101T120000Z-1a2b --replace";

const AFTER_HELP_CREATE: &str = "\
Examples:
  bascule backup create staging
  bascule backup create staging --output json";

const AFTER_HELP_LIST: &str = "\
Examples:
  bascule backup list staging";

const AFTER_HELP_VERIFY: &str = "\
Examples:
  bascule backup verify staging                                              the newest
  bascule backup verify staging --id shop-staging-20260101T120000Z-1a2b";

const AFTER_HELP_RESTORE: &str = "\
Examples:
  bascule backup restore staging --id shop-staging-20260101T120000Z-1a2b            into an empty database
  bascule backup restore staging --id shop-staging-20260101T120000Z-1a2b --replace  in place of what is there";

/// Options of `backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Take one, and read it back
    #[command(after_help = AFTER_HELP_CREATE)]
    Create(Where),
    /// List them, the newest last
    #[command(after_help = AFTER_HELP_LIST)]
    List(Where),
    /// Read one back into a database that is only for this, and compare
    #[command(after_help = AFTER_HELP_VERIFY)]
    Verify(VerifyArgs),
    /// Put one back
    #[command(after_help = AFTER_HELP_RESTORE)]
    Restore(RestoreArgs),
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    place: Where,

    /// Which one, as `list` shows it [default: the newest]
    #[arg(long, value_name = "BACKUP")]
    id: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RestoreArgs {
    #[command(flatten)]
    place: Where,

    /// Which one, as `list` shows it
    #[arg(long, value_name = "BACKUP")]
    id: String,

    /// In place of a database that has tables; the former one is kept under another name where the server can
    #[arg(long)]
    replace: bool,
}

/// Runs it.
///
/// # Errors
/// `BACKUP_FAILED` with what the server or the place says.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    match &args.what {
        What::Create(place) => create(&place.resolve(context)?, context)?,
        What::List(place) => list(&place.resolve(context)?, context)?,
        What::Verify(args) => verify(&args.place.resolve(context)?, args.id.as_deref(), context)?,
        What::Restore(args) => restore(&args.place.resolve(context)?, args, context)?,
    }
    Ok(Exit::Done.status())
}

fn library(here: &Here, context: &Context) -> Result<(Backups, String), Failure> {
    let state = context.state()?;
    std::fs::create_dir_all(&state).map_err(|error| {
        Problem::new(
            Code::StateUnusable,
            format!("making the state folder {}: {error}", state.display()),
            "name another folder with --state",
        )
    })?;
    let tools = Tools::new(&context.machine.variable("PATH").unwrap_or_default(), state.clone());
    let clock = Arc::new(bascule_server::SystemClock::new());
    let key = here.environment.key();
    let policy = backup_policy(here.environment.backup.as_ref());
    let made = databases::Backups::new(state, tools, clock);
    Ok((made.of(&key, &here.access, &policy, Some(&here.project))?, backups::name(&key)))
}

fn create(here: &Here, context: &Context) -> Result<(), Failure> {
    let (library, name) = library(here, context)?;
    let policy = backup_policy(here.environment.backup.as_ref());
    context.block_on(async {
        let database = here.reached().await?;
        let taken = library.create(&database, &name, context.machine.now()).await;
        let taken = taken.map_err(|error| backups::failed("taking a backup: ", &error))?;
        context.screen.note(&format!("{} taken; reading it back", taken.id));
        let verified = library.verify(&taken.id, &database, context.machine.now()).await;
        let verified = verified.map_err(|error| backups::failed("reading the backup back: ", &error))?;
        let retention = Retention { last: backups::keep(&policy), daily: 0, weekly: 0 };
        let removed = library.prune(&name, retention).await;
        let removed = removed.map_err(|error| backups::failed("removing old backups: ", &error))?;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "backup": verified, "removed": removed })),
            Format::Text => {
                let gone = match removed.len() {
                    0 => String::new(),
                    count => format!("; {} removed", number::of(count as u64, "old one")),
                };
                context
                    .screen
                    .out(&format!("{} taken and verified, {} bytes{gone}", verified.id, verified.bytes))
            }
        }
    })
}

fn list(here: &Here, context: &Context) -> Result<(), Failure> {
    let (library, name) = library(here, context)?;
    context.block_on(async {
        let listed = library.list(&name).await;
        let (all, unreadable) = listed.map_err(|error| backups::failed("listing the backups: ", &error))?;
        for error in &unreadable {
            context.screen.note(&escape::line(&error.to_string()));
        }
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "backups": all })),
            Format::Text => context.screen.out(&text(&all, &ended::now(context))),
        }
    })
}

fn text(all: &[Manifest], now: &Now) -> String {
    if all.is_empty() {
        return "there is no backup".to_owned();
    }
    let mut table = Table::default();
    for one in all {
        let verified = match &one.verified {
            Some(verified) => format!("verified {}", now.clock(verified.at)),
            None => "not verified".to_owned(),
        };
        table.row([
            one.id.to_string().into(),
            now.clock(one.taken_at).into(),
            format!("{} bytes", one.bytes).into(),
            number::of(one.tables.len() as u64, "table").into(),
            verified.into(),
        ]);
    }
    table.render(0)
}

fn verify(here: &Here, id: Option<&str>, context: &Context) -> Result<(), Failure> {
    let (library, name) = library(here, context)?;
    context.block_on(async {
        let listed = library.list(&name).await;
        let (all, _) = listed.map_err(|error| backups::failed("listing the backups: ", &error))?;
        let id = chosen(&all, id)?;
        let verified = library.verify(&id, &here.reached().await?, context.machine.now()).await;
        let verified = verified.map_err(|error| backups::failed("reading the backup back: ", &error))?;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "backup": verified })),
            Format::Text => {
                let took = verified.verified.map_or(0, |verified| verified.took_ms);
                let took = time::took(std::time::Duration::from_millis(took));
                context.screen.out(&format!("{id} is what was taken; reading it back took {took}"))
            }
        }
    })
}

fn restore(here: &Here, args: &RestoreArgs, context: &Context) -> Result<(), Failure> {
    let (library, name) = library(here, context)?;
    let existing = if args.replace { Existing::Replace } else { Existing::Refuse };
    context.block_on(async {
        let listed = library.list(&name).await;
        let (all, _) = listed.map_err(|error| backups::failed("listing the backups: ", &error))?;
        let id = chosen(&all, Some(&args.id))?;
        let restored = library.restore(&id, &here.reached().await?, existing, context.machine.now()).await;
        let restored = restored.map_err(|error| backups::failed("restoring the backup: ", &error))?;
        match context.screen.format {
            Format::Json => context.screen.json(&json!({ "backup": restored.id, "former": restored.former })),
            Format::Text => {
                let former =
                    restored.former.map(|it| format!("; what was there is now {it}")).unwrap_or_default();
                context.screen.out(&format!("{} is back in its place{former}", restored.id))
            }
        }
    })
}

fn chosen(all: &[Manifest], named: Option<&str>) -> Result<Id, Problem> {
    let found = match named {
        Some(named) => all.iter().find(|one| one.id.as_str() == named),
        None => all.iter().max_by_key(|one| one.taken_at),
    };
    found.map(|one| one.id.clone()).ok_or_else(|| {
        Problem::new(
            Code::Usage,
            named.map_or_else(
                || "there is no backup".to_owned(),
                |named| format!("there is no backup {named}"),
            ),
            "`bascule backup list` shows those that there are",
        )
    })
}
