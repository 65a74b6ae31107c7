//! Reads commands: a text for the shell, or a list of a program and its arguments.

use toml::de::DeValue;

use super::reader::{Node, Reader};
use super::scalars::{TEXT, array, text};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::resolve::template;
use crate::manifest::types::CommandSettings;

const HELP: &str = "write [\"program\", \"argument\"], or one text for the shell";

/// `command = ["program", "argument"]` or `command = "text for the shell"`
pub(crate) fn command<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<CommandSettings> {
    let empty = |reader: &mut Reader| {
        let problem = Diagnostic::new(Code::BadValue, &node.span(), format!("`{key}` is empty"));
        reader.report(problem.label("expected a program").help(HELP));
        None
    };
    match node.get_ref() {
        DeValue::String(line) if line.trim().is_empty() => empty(reader),
        DeValue::String(_) => {
            let line = text(reader, key, node, &TEXT)?;
            template::check(reader, key, &line);
            Some(CommandSettings::Shell(line))
        }
        DeValue::Array(_) => {
            let arguments = array(reader, key, node, HELP, |reader, key, element| {
                let argument = text(reader, key, element, &TEXT)?;
                template::check(reader, key, &argument);
                Some(argument)
            })?;
            if arguments.first().is_none_or(|program| program.value.trim().is_empty()) {
                return empty(reader);
            }
            Some(CommandSettings::Program(arguments))
        }
        _ => {
            reader.wrong_type(key, node, "a list or a text", HELP);
            None
        }
    }
}
