//! `migrate new`: writes an empty migration in the convention that the folder follows.

use bascule_migrations::{Format as Convention, MigrationSet};
use bascule_model::problem::{Code, Exit, Problem};
use bascule_server::databases;
use serde_json::json;

use super::here::Where;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;

const AFTER_HELP: &str = "\
Examples:
  bascule migrate new add_full_name
  bascule migrate new add_full_name staging";

/// Options of `migrate new`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// What it does, as in `add_full_name`
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    place: Where,
}

/// Runs it.
///
/// # Errors
/// When the folder cannot be read or written, or the name is none.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let here = args.place.resolve(context)?;
    let folder = databases::place_in(Some(&here.project), &here.database.migrations.to_string());
    let failed = |error: &dyn std::fmt::Display| {
        Problem::new(
            Code::MigrationsUnreadable,
            format!("writing a migration into {}: {error}", folder.display()),
            "make the folder writable, or choose another name",
        )
    };
    let is_empty = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    let set = if is_empty { empty() } else { here.set()? };
    let now = jiff::tz::TimeZone::UTC.to_datetime(context.machine.now()).strftime("%Y%m%d%H%M%S").to_string();
    let new = bascule_migrations::create(&set, &args.name, &now).map_err(|error| failed(&error))?;
    let mut written = Vec::new();
    for file in &new.files {
        let path = folder.join(&file.path);
        let parent = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        let mut options = std::fs::OpenOptions::new();
        let mut open = options.write(true).create_new(true).open(&path).map_err(|error| failed(&error))?;
        std::io::Write::write_all(&mut open, file.text.as_bytes()).map_err(|error| failed(&error))?;
        written.push(path);
    }
    match context.screen.format {
        Format::Json => context.screen.json(&json!({ "version": new.version, "files": written }))?,
        Format::Text => {
            for path in &written {
                let shown = path.strip_prefix(&here.project).unwrap_or(path);
                context.screen.out(&shown.display().to_string())?;
            }
        }
    }
    Ok(Exit::Done.status())
}

/// A folder that nothing is in yet: our own convention.
fn empty() -> MigrationSet {
    MigrationSet {
        format: Convention::Bascule,
        why: String::new(),
        equally: Vec::new(),
        migrations: Vec::new(),
        notes: Vec::new(),
    }
}
