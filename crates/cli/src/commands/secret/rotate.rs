//! `secret rotate`: a new value for a secret, or new keys for the store.

use bascule_model::problem::{Code, Exit, Problem};
use bascule_secrets::store::{self, EnvelopeKey, Lines, Store};
use serde_json::json;

use super::change::{edit, place, said, unknown};
use super::{RotateArgs, entry};
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::secrets;

pub fn run(args: &RotateArgs, context: &Context) -> Result<u8, Failure> {
    let place = place(context, &args.environment)?;
    let variables = |name: &str| context.machine.variable(name);
    if let Some(name) = &args.name {
        entry::refuse_argument(name, &args.value)?;
        let store = place.open(&variables)?;
        let before = store.as_ref().and_then(|store| store.newest(name)).map(|(version, _)| version);
        let before = before.ok_or_else(|| unknown(&args.environment, name))?;
        let value = entry::value(name)?;
        let version = edit(context, &place, |store| store.set(name, value))?;
        if version == before {
            return Err(Problem::new(
                Code::Usage,
                format!("{name} has this very value already: it was not changed"),
                "have a new one made by whoever gave the old one out, and give that",
            )
            .into());
        }
        return said(context, &args.environment, name, version, "is set", "uses it");
    }
    let file = place.file();
    let key = secrets::key(&place.project, &variables)?.ok_or_else(|| secrets::no_key(&file, &variables))?;
    if !file.exists() {
        return Err(Problem::new(
            Code::Usage,
            format!("{} has no store", args.environment),
            format!("bascule secret set {} NAME makes one", args.environment),
        )
        .into());
    }
    let new_key = match &args.new_key_file {
        None => None,
        Some(path) => Some(match EnvelopeKey::from_file(path).map_err(|error| error.problem())? {
            Some(key) => key,
            None => {
                let key = EnvelopeKey::random().map_err(|error| error.problem())?;
                key.write(path).map_err(|error| error.problem())?;
                key
            }
        }),
    };
    let lines = if args.accept_lines { Lines::Accepted } else { Lines::AsSealed };
    store::edit(&file, &place.owner, &key, new_key.as_ref(), lines, Store::rotate)
        .map_err(|error| error.problem())?;
    let id = new_key.as_ref().unwrap_or(&key).id();
    match (context.screen.format, &args.new_key_file) {
        (Format::Json, _) => context.screen.json(&json!({ "environment": args.environment, "key": id }))?,
        (Format::Text, None) => context.screen.out(&format!(
            "every value of {} is sealed anew under a new data key; it is opened with the same key ({id})",
            args.environment
        ))?,
        (Format::Text, Some(path)) => context.screen.out(&format!(
            "{} is opened with the key in {} ({id}) from now on: give it to whoever deploys. What was committed before still \
             opens with the old key: where that is known to others, rotate the secrets as well",
            args.environment,
            path.display()
        ))?,
    }
    Ok(Exit::Done.status())
}
