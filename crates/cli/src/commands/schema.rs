//! `schema`: the JSON Schema of `bascule.toml`, for editors.

use crate::context::Context;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  bascule schema > bascule.schema.json    for an editor's TOML support";

/// Options of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// When nobody reads it.
pub fn run(_: &Args, context: &Context) -> Result<(), Failure> {
    context.screen.out(&text())
}

/// The schema, as it is committed under `docs/schema`.
fn text() -> String {
    // A JSON value can always be written.
    serde_json::to_string_pretty(&bascule_model::manifest::schema()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_copy_is_what_the_program_prints() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/bascule.schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed.trim_end() == text(),
            "docs/schema/bascule.schema.json is old; write it again with `bascule schema > docs/schema/bascule.schema.json`"
        );
    }
}
