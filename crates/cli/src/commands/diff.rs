//! `diff`: what is different between two environments: artifacts, commits, services, configuration, versions of secrets.
//!
//! Secret values are compared by a fingerprint under a key that is made for this one answer, and only said to be equal or not.

use std::collections::{BTreeMap, BTreeSet};

use bascule_model::ids::EnvironmentName;
use bascule_model::manifest::{Environment, Value};
use bascule_model::problem::Exit;
use bascule_secrets::fingerprint::Fingerprints;
use bascule_server::api::EnvironmentStatus;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::project::Resolved;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::STRONG;
use crate::text::table::{Cell, Table};

const AFTER_HELP: &str = "\
Examples:
  bascule diff staging production                   what is not the same
  bascule diff staging production --output json";

/// Options of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// One environment
    #[arg(value_name = "ENV")]
    one: EnvironmentName,

    /// The other one
    #[arg(value_name = "OTHER")]
    other: EnvironmentName,
}

/// How one thing stands in both.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `artifact`, `commit`, `service`, `configuration`, `secret`.
    pub kind: &'static str,
    /// What it is about.
    pub name: String,
    /// How it is in the first.
    pub one: Json,
    /// How it is in the second.
    pub other: Json,
}

/// Runs it; a difference is an answer, with exit status 0.
///
/// # Errors
/// The manifest's mistakes, secrets that cannot be had, and a control plane that does not answer.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let project = context.project()?;
    let resolve = |name: &EnvironmentName| {
        project.resolve_in_full(name, &|variable| context.machine.variable(variable))
    };
    let (one, other) = (resolve(&args.one)?, resolve(&args.other)?);
    let all: Vec<EnvironmentStatus> = context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        Ok(control_plane.get("/v1/environments").await?)
    })?;
    let status = |environment: &Environment| {
        all.iter().find(|it| it.app == environment.app && it.environment == environment.name)
    };
    let mut differences = of_releases(status(&one.environment), status(&other.environment));
    differences.extend(of_services(&one.environment, &other.environment));
    let fingerprints = Fingerprints::new()?;
    differences.extend(of_configuration(&one, &other, &fingerprints));
    match context.screen.format {
        Format::Json => context
            .screen
            .json(&json!({ "one": args.one, "other": args.other, "differences": differences }))?,
        Format::Text if differences.is_empty() => {
            context.screen.out(&format!("{} and {} are the same", args.one, args.other))?;
        }
        Format::Text => context.screen.out(&text(args, &differences))?,
    }
    Ok(Exit::Done.status())
}

fn text(args: &Args, differences: &[Difference]) -> String {
    let mut table = Table::default();
    let head = |text: &str| Cell::styled(text, STRONG);
    table.row([head(""), head(""), head(args.one.as_str()), head(args.other.as_str())]);
    for Difference { kind, name, one, other } in differences {
        let shown = |value: &Json| match value {
            Json::Null => "-".to_owned(),
            Json::String(text) => escape::line(text),
            other => escape::line(&other.to_string()),
        };
        table.row([Cell::from(*kind), escape::line(name).into(), shown(one).into(), shown(other).into()]);
    }
    table.render(0).trim_end().to_owned()
}

/// What is live.
fn of_releases(one: Option<&EnvironmentStatus>, other: Option<&EnvironmentStatus>) -> Vec<Difference> {
    let live = |status: Option<&EnvironmentStatus>| status.and_then(|status| status.live.clone());
    let (one, other) = (live(one), live(other));
    let artifact =
        |slot: &Option<bascule_server::api::SlotStatus>| json!(slot.as_ref().map(|slot| &slot.artifact));
    let mut found = Vec::from_iter(differing("artifact", "live", artifact(&one), artifact(&other)));
    let commit = |slot: &Option<bascule_server::api::SlotStatus>| {
        let provenance = slot.as_ref().and_then(|slot| slot.provenance.as_ref());
        json!(provenance.map(|it| if it.dirty { format!("{}, dirty", it.commit) } else { it.commit.clone() }))
    };
    found.extend(differing("commit", "live", commit(&one), commit(&other)));
    let versions =
        |slot: Option<bascule_server::api::SlotStatus>| slot.map(|slot| slot.secrets).unwrap_or_default();
    let (one, other) = (versions(one), versions(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let version = |versions: &BTreeMap<String, u32>, name: &str| {
        json!(versions.get(name).map(|version| format!("@{version}")))
    };
    found.extend(names.into_iter().flat_map(|name| {
        differing("secret", &format!("{name}, live"), version(&one, name), version(&other, name))
    }));
    found
}

/// Services, and what is said of them that anybody may know.
fn of_services(one: &Environment, other: &Environment) -> Vec<Difference> {
    let names: BTreeSet<_> = one.services.keys().chain(other.services.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let facts = |environment: &Environment| {
            let service = environment
                .services
                .get(name)
                .map(|service| serde_json::to_value(service).unwrap_or_default());
            let mut facts = BTreeMap::new();
            if let Some(Json::Object(service)) = service {
                facts.insert(String::new(), json!("there"));
                facts.extend(service.into_iter().filter(|(key, _)| key != "env"));
            }
            facts
        };
        let (one, other) = (facts(one), facts(other));
        if one.is_empty() || other.is_empty() {
            let there = |facts: &BTreeMap<String, Json>| facts.get("").cloned().unwrap_or(Json::Null);
            found.extend(differing("service", name.as_str(), there(&one), there(&other)));
            continue;
        }
        let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let of = |facts: &BTreeMap<String, Json>, key: &String| facts.get(key).cloned().unwrap_or(Json::Null);
        for key in keys {
            found.extend(differing("service", &format!("{name}.{key}"), of(&one, key), of(&other, key)));
        }
    }
    found
}

/// Names and values; of secret ones only whether they are the same.
fn of_configuration(one: &Resolved, other: &Resolved, fingerprints: &Fingerprints) -> Vec<Difference> {
    let (first, second) = (places(&one.environment), places(&other.environment));
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let (first, second) = (first.get(name).copied(), second.get(name).copied());
        let is_secret = [first, second].into_iter().flatten().any(|value| matches!(value, Value::Private(_)));
        if !is_secret {
            let shown = |value: Option<&Value>| json!(value.map(Value::shown));
            found.extend(differing("configuration", name, shown(first), shown(second)));
            continue;
        }
        let fingerprint = |resolved: &Resolved, value: Option<&Value>| {
            value
                .and_then(|value| value.expose(&resolved.environment.secrets))
                .map(|text| fingerprints.of(text.as_source()))
        };
        let (left, right) = (fingerprint(one, first), fingerprint(other, second));
        let version = |resolved: &Resolved| {
            resolved.environment.secret_versions.get(name).map(|version| format!("@{version}"))
        };
        let words = |there: bool, version: Option<String>, differs: &str| {
            there.then(|| format!("secret{}{differs}", version.unwrap_or_default()))
        };
        let differs = if left.is_some() && right.is_some() { ", different" } else { "" };
        if left != right {
            found.push(Difference {
                kind: "secret",
                name: name.clone(),
                one: json!(words(left.is_some(), version(one), differs)),
                other: json!(words(right.is_some(), version(other), differs)),
            });
        }
    }
    found
}

/// The values by name; those that a service has for itself by `SERVICE.NAME`.
fn places(environment: &Environment) -> BTreeMap<String, &Value> {
    let mut places: BTreeMap<String, &Value> =
        environment.env.iter().map(|(name, value)| (name.clone(), value)).collect();
    for (service, settings) in &environment.services {
        let own = settings.env.iter().filter(|(name, value)| environment.env.get(*name) != Some(value));
        places.extend(own.map(|(name, value)| (format!("{service}.{name}"), value)));
    }
    places
}

fn differing(kind: &'static str, name: &str, one: Json, other: Json) -> Option<Difference> {
    (one != other).then(|| Difference { kind, name: name.to_owned(), one, other })
}
