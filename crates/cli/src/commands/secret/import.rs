//! `secret import`: the values of an env file into the store.

use std::io::Read as _;
use std::path::Path;

use bascule_model::dotenv;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_secrets::SecretValue;
use bascule_secrets::store::is_name;
use serde_json::json;

use super::ImportArgs;
use super::change::{edit, place};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::number;

pub fn run(args: &ImportArgs, context: &Context) -> Result<u8, Failure> {
    let place = place(context, &args.environment)?;
    let (name, text) = match &args.file {
        Some(file) if file == Path::new("-") => ("standard input".to_owned(), from_input()?),
        Some(file) => (file.display().to_string(), from_file(&context.machine.current_folder().join(file))?),
        None => {
            let file = place.project.join(format!(".env.{}", args.environment));
            (file.display().to_string(), from_file(&file)?)
        }
    };
    let (entries, mistakes) = dotenv::read(&text, &|variable| context.machine.variable(variable));
    if let Some(first) = mistakes.first() {
        let more =
            if mistakes.len() > 1 { format!(" (and {} more)", mistakes.len() - 1) } else { String::new() };
        return Err(refused(&format!("{name}: {first}{more}")).into());
    }
    if let Some((key, entry)) = entries.iter().find(|(key, _)| !is_name(key)) {
        return Err(refused(&format!(
            "{name}: line {}: {key} is set by Bascule for each instance",
            entry.line
        ))
        .into());
    }
    let entries: Vec<_> = entries.into_iter().filter(|(_, entry)| !entry.value.is_empty()).collect();
    let names: Vec<String> = edit(context, &place, |store| {
        entries
            .into_iter()
            .map(|(key, entry)| {
                let version = store.set(&key, SecretValue::new(entry.value))?;
                Ok(format!("{key}@{version}"))
            })
            .collect()
    })?;
    match context.screen.format {
        Format::Json => context.screen.json(&json!({ "environment": args.environment, "secrets": names }))?,
        Format::Text => context.screen.out(&format!(
            "{} of {name} in the store of {}: {}. Remove the file now, and do not commit it",
            number::of(names.len() as u64, "value"),
            args.environment,
            names.join(", ")
        ))?,
    }
    Ok(Exit::Done.status())
}

fn from_input() -> Result<String, Problem> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(|error| refused(&error.to_string()))?;
    Ok(text)
}

fn from_file(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| refused(&format!("{}: {error}", path.display())))
}

fn refused(why: &str) -> Problem {
    Problem::new(
        Code::Usage,
        format!("reading an env file, {why}"),
        "name a file of KEY=VALUE lines; nothing was taken over",
    )
}
