//! `secret set`, `secret rm`: one more version of a secret.

use bascule_model::ids::EnvironmentName;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_secrets::redact::SHORTEST;
use bascule_secrets::store::{self, EnvelopeKey, Lines, Store, StoreError};
use serde_json::json;

use super::{RmArgs, SetArgs, entry};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::secrets::{self, Place};

/// Sets one.
pub fn set(args: &SetArgs, context: &Context) -> Result<u8, Failure> {
    entry::refuse_argument(&args.name, &args.value)?;
    let place = place(context, &args.environment)?;
    is_name(&args.name)?;
    let value = entry::value(&args.name)?;
    if value.expose().len() < SHORTEST {
        context.screen.note(&format!(
            "note: a value of less than {SHORTEST} bytes is not looked for in logs and reports: it would be found everywhere"
        ));
    }
    let version = edit(context, &place, |store| store.set(&args.name, value))?;
    said(context, &args.environment, &args.name, version, "is set", "uses it")
}

/// Removes one.
pub fn remove(args: &RmArgs, context: &Context) -> Result<u8, Failure> {
    let place = place(context, &args.environment)?;
    if !place.file().exists() {
        return Err(unknown(&args.environment, &args.name).into());
    }
    let version = edit(context, &place, |store| store.remove(&args.name))?;
    let version = version.ok_or_else(|| unknown(&args.environment, &args.name))?;
    said(context, &args.environment, &args.name, version, "is removed", "is without it")
}

/// What is said of a name that the store does not have.
pub fn unknown(environment: &EnvironmentName, name: &str) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    Problem::new(
        Code::Usage,
        format!("the store of {environment} has no secret {shown}"),
        format!("`bascule secret list {environment}` shows those that it has"),
    )
}

pub fn is_name(name: &str) -> Result<(), Problem> {
    if store::is_name(name) {
        return Ok(());
    }
    Err(StoreError::Name { name: name.chars().filter(|c| !c.is_control()).take(40).collect() }.problem())
}

/// The store of an environment that the manifest names.
pub fn place(context: &Context, environment: &EnvironmentName) -> Result<Place, Failure> {
    let project = context.project()?;
    // A manifest that spells a secret out is refused, and the way to mend it leads through here.
    let app = project.app()?;
    if let Ok(manifest) = project.manifest()
        && !manifest.environments.contains_key(environment)
    {
        let names: Vec<&str> = manifest.environments.keys().map(EnvironmentName::as_str).collect();
        return Err(Problem::new(
            Code::Usage,
            format!("{app} has no environment {environment}: it has {}", names.join(", ")),
            "name one that there is, or add it to bascule.toml under [environments]",
        )
        .into());
    }
    let owner = store::Owner { app: app.to_string(), environment: environment.to_string() };
    Ok(Place { project: project.folder, owner })
}

/// Changes a store; the first time its key is made, where there is none.
pub fn edit<T>(
    context: &Context,
    place: &Place,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    let key = key(context, place)?;
    let changed = store::edit(&place.file(), &place.owner, &key, None, Lines::AsSealed, change);
    Ok(changed.map_err(|error| error.problem())?)
}

/// The key; a new one in the user's file where there is none and nothing is sealed yet.
pub fn key(context: &Context, place: &Place) -> Result<EnvelopeKey, Failure> {
    let variables = |name: &str| context.machine.variable(name);
    if let Some(key) = secrets::key(&place.project, &variables)? {
        return Ok(key);
    }
    let is_sealed = place
        .file()
        .parent()
        .is_some_and(|folder| folder.read_dir().is_ok_and(|mut files| files.next().is_some()));
    let file = secrets::user_file(&variables).filter(|_| !is_sealed);
    let file = file.ok_or_else(|| secrets::no_key(&place.file(), &variables))?;
    let key = EnvelopeKey::random().map_err(|error| error.problem())?;
    key.write(&file).map_err(|error| error.problem())?;
    context.screen.note(&format!(
        "note: a new key was made: {}. Keep a copy in a safe place: without it the store cannot be opened, and whoever deploys \
         needs it",
        file.display()
    ));
    Ok(key)
}

/// Says what came of it.
pub fn said(
    context: &Context,
    environment: &EnvironmentName,
    name: &str,
    version: u32,
    what: &str,
    deploy: &str,
) -> Result<u8, Failure> {
    match context.screen.format {
        Format::Text => context.screen.out(&format!(
            "{name}@{version} {what} in {environment}; the next deploy {deploy}: bascule deploy {environment}"
        ))?,
        Format::Json => {
            context.screen.json(&json!({ "environment": environment, "name": name, "version": version }))?;
        }
    }
    Ok(Exit::Done.status())
}
