//! `secret list`: names and versions.

use bascule_model::problem::Exit;
use bascule_secrets::store::Store;
use serde_json::json;

use super::ListArgs;
use super::change::place;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::text::number;
use crate::text::table::Table;

pub fn run(args: &ListArgs, context: &Context) -> Result<u8, Failure> {
    let place = place(context, &args.environment)?;
    let store = place.open(&|name| context.machine.variable(name))?;
    let listed = store.as_ref().map(Store::list).unwrap_or_default();
    match context.screen.format {
        Format::Json => {
            let secrets: Vec<_> = listed
                .iter()
                .map(|one| {
                    json!({ "name": one.name, "version": one.version, "versions": one.versions, "removed": one.is_removed })
                })
                .collect();
            context.screen.json(&json!({ "environment": args.environment, "secrets": secrets }))?;
        }
        Format::Text if listed.is_empty() => context.screen.out(&format!(
            "the store of {0} has no secrets; bascule secret set {0} NAME puts one in",
            args.environment
        ))?,
        Format::Text => {
            let mut table = Table::default();
            for one in listed {
                let kept = if one.is_removed {
                    "removed".to_owned()
                } else {
                    number::of(one.versions as u64, "version")
                };
                table.row([format!("{}@{}", one.name, one.version).into(), kept.into()]);
            }
            context.screen.out(table.render(0).trim_end())?;
        }
    }
    Ok(Exit::Done.status())
}
