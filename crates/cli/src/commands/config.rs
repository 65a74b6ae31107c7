//! `config`: the names of an environment's configuration, where each comes from, and whether it is secret.

use std::collections::BTreeMap;

use bascule_model::ids::EnvironmentName;
use bascule_model::manifest::{Environment, Origin, Value};
use bascule_model::problem::Exit;
use serde::Serialize;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::project::Resolved;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::{DIM, STRONG};
use crate::text::table::{Cell, Table};

const AFTER_HELP: &str = "\
Examples:
  bascule config production              names, and the values that are no secrets
  bascule config production --origin     and where each comes from
  bascule config production --output json";

/// Options of `config`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// Show where each comes from
    #[arg(long)]
    origin: bool,
}

/// One name.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The services that get it, where not all do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Whether its value is secret.
    pub secret: bool,
    /// The value, where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where it comes from, in words.
    pub origin: String,
    /// Its version, where it comes from the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// The manifest's mistakes, and secrets that cannot be had.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let project = context.project()?;
    let resolved = project.resolve_in_full(&args.environment, &|name| context.machine.variable(name))?;
    let entries = entries(&resolved);
    match context.screen.format {
        Format::Json => {
            context.screen.json(&json!({ "environment": args.environment, "configuration": entries }))?;
        }
        Format::Text if entries.is_empty() => {
            context.screen.out(&format!("{} has no configuration", args.environment))?;
        }
        Format::Text => context.screen.out(&text(&entries, args.origin))?,
    }
    Ok(Exit::Done.status())
}

fn text(entries: &[Entry], with_origin: bool) -> String {
    let mut table = Table::default();
    for entry in entries {
        let value = match &entry.value {
            Some(value) => Cell::from(escape::line(value)),
            None => Cell::styled("(secret)", DIM),
        };
        let mut row = vec![Cell::styled(escape::line(&entry.name), STRONG), value];
        if with_origin {
            let version = entry.version.map(|version| format!("@{version}")).unwrap_or_default();
            let services = match entry.services.as_slice() {
                [] => String::new(),
                services => format!(", {} alone", services.join(", ")),
            };
            row.insert(1, Cell::from(escape::line(&format!("{}{version}{services}", entry.origin))));
        }
        table.row(row);
    }
    table.render(0).trim_end().to_owned()
}

/// Every name, sorted: what all services share, then what a service has otherwise.
pub fn entries(resolved: &Resolved) -> Vec<Entry> {
    let environment = &resolved.environment;
    let mut entries: Vec<Entry> =
        environment.env.iter().map(|(name, value)| shared(resolved, name, value)).collect();
    for ((name, origin), (value, services)) in own(environment) {
        let (secret, value) = shown(&value);
        entries.push(Entry { name, services, secret, value, origin, version: None });
    }
    entries.sort_by(|a, b| (&a.name, &a.services).cmp(&(&b.name, &b.services)));
    entries
}

type Own = BTreeMap<(String, String), (Value, Vec<String>)>;

/// What services say for themselves; those that say the same together.
fn own(environment: &Environment) -> Own {
    let mut own: Own = BTreeMap::new();
    for (service, settings) in &environment.services {
        for (name, value) in
            settings.env.iter().filter(|(name, value)| environment.env.get(*name) != Some(value))
        {
            let key = (name.clone(), format!("env of {service}"));
            own.entry(key).or_insert_with(|| (value.clone(), Vec::new())).1.push(service.to_string());
        }
    }
    own
}

fn shared(resolved: &Resolved, name: &str, value: &Value) -> Entry {
    let origin = match resolved.environment.origins.get(name) {
        Some(Origin::Manifest) | None => "manifest".to_owned(),
        Some(Origin::Environment) => format!("environments.{}.env", resolved.environment.name),
        Some(Origin::EnvFile) => resolved.env_file.clone().unwrap_or_else(|| "env file".to_owned()),
        Some(Origin::Secret) => resolved.sources.get(name).cloned().unwrap_or_else(|| "secrets".to_owned()),
        Some(Origin::Caller) => "your environment".to_owned(),
        Some(Origin::Service) => "service".to_owned(),
    };
    let version = resolved.environment.secret_versions.get(name).copied();
    let (secret, value) = shown(value);
    Entry { name: name.to_owned(), services: Vec::new(), secret, value, origin, version }
}

fn shown(value: &Value) -> (bool, Option<String>) {
    match value {
        Value::Public(text) => (false, Some(text.as_source().to_owned())),
        Value::Private(_) => (true, None),
    }
}
