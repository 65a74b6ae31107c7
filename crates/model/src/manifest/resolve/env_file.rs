//! The env file of an environment. What is wrong in it is said with its lines, and never shows a value.

use std::collections::BTreeMap;

use super::given::Given;
use super::template;
use crate::dotenv;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::reader::shortened;
use crate::manifest::types::EnvironmentSettings;

/// The entries of the environment's file, or of the one that was found without being named.
pub(crate) fn entries(
    settings: &EnvironmentSettings,
    given: &Given<'_>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let named = settings.env_file.as_ref();
    let span = named.map_or(&settings.span, |file| &file.span);
    let mut report = |message: String, label: &str, help: &str| {
        problems.push(Diagnostic::new(Code::EnvFile, span, message).label(label).help(help));
    };
    let Some(file) = &given.env_file else {
        if let Some(named) = named {
            report(
                format!("the env file \"{}\" cannot be read", shortened(&named.value)),
                "named here",
                "create it with lines of KEY=VALUE, or leave `env_file` out",
            );
        }
        return BTreeMap::new();
    };
    let name = shortened(file.name);
    let (read, mistakes) = dotenv::read(file.text, given.variables);
    for mistake in mistakes {
        let message = format!("line {} of \"{name}\": {}", mistake.line, mistake.why);
        report(message, "in this file", help(&mistake.why));
    }
    let mut entries = BTreeMap::new();
    for (key, entry) in read {
        if template::is_reserved(&key) {
            let message = format!(
                "line {} of \"{name}\" sets `{key}`, which Bascule sets for each instance",
                entry.line
            );
            report(message, "in this file", "take the line out");
        } else {
            entries.insert(key, entry.value);
        }
    }
    entries
}

fn help(why: &dotenv::Why) -> &'static str {
    match why {
        dotenv::Why::Form(_) => "write KEY=VALUE, KEY='VALUE' or KEY=\"VALUE\", or # before a comment",
        dotenv::Why::Broken => "write ${NAME}, ${NAME:-default}, or $$ for a dollar sign",
        dotenv::Why::Missing { .. } => "set it in the file or in your shell, or write ${NAME:-default}",
        dotenv::Why::Cycle { .. } => "spell one of the values in the circle out",
        dotenv::Why::Long => "put it in a file of the artifact, and its name here",
    }
}
