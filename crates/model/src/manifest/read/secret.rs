//! Reads `[secrets]`. Nothing that is written there is shown: somebody may have put a secret there itself.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::configuration::report_name;
use super::keys;
use super::reader::{Node, Reader};
use super::scalars::{TEXT, array, text, word};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::resolve::template;
use crate::manifest::types::{Delivery, Located, SecretFrom, SecretSettings};

const HELP: &str = "write \"store\", \"env\", \"env:NAME\", \"file:PATH\" or \"command:LINE\"; the value itself goes into the store: \
                    bascule secret set ENV NAME";

/// `[secrets]`, by name.
pub(crate) fn secrets<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<BTreeMap<String, SecretSettings>> {
    reader.hide(node);
    let entries = reader.entries(key, node, "write NAME = \"store\", as in secrets.API_TOKEN = \"store\"");
    let mut secrets = BTreeMap::new();
    for (name, span, node) in entries {
        report_name(reader, name, &span);
        let (from, delivery) = match node.get_ref() {
            DeValue::Table(_) => {
                let Some(section) = reader.section(node, "a secret", &keys::SECRET) else { continue };
                let words = [("env", Delivery::Env), ("file", Delivery::File)];
                let delivery = section.read(reader, "as", |r, key, node| word(r, key, node, &words));
                let Some((_, from)) = section.get("from") else {
                    let problem = Diagnostic::new(Code::MissingKey, &span, "a secret without `from`");
                    reader.report(problem.label("`from` is missing").help(HELP));
                    continue;
                };
                (source(reader, from), delivery.map(|delivery| delivery.value).unwrap_or_default())
            }
            _ => (source(reader, node), Delivery::Env),
        };
        if let Some(from) = from {
            secrets.insert(name.to_owned(), SecretSettings { span, from, delivery });
        }
    }
    Some(secrets)
}

fn source<'t>(reader: &mut Reader, node: &'t Node<'t>) -> Option<Located<SecretFrom>> {
    let span = node.span();
    let value = match node.get_ref() {
        DeValue::Array(_) => {
            let words =
                array(reader, "from", node, HELP, |reader, key, element| text(reader, key, element, &TEXT))?;
            let words: Vec<String> = words.into_iter().map(|word| word.value).collect();
            words
                .first()
                .is_some_and(|program| !program.trim().is_empty())
                .then_some(SecretFrom::Program(words))
        }
        DeValue::String(text) => named(text),
        _ => None,
    };
    if value.is_none() {
        let problem = Diagnostic::new(Code::BadValue, &span, "a secret comes from none of the known places");
        reader.report(problem.label("expected a source").help(HELP));
    }
    value.map(|value| Located { value, span })
}

fn named(text: &str) -> Option<SecretFrom> {
    let has = |text: &str| !text.trim().is_empty() && !text.contains('\0');
    match text.split_once(':') {
        None if text == "store" => Some(SecretFrom::Store),
        None if text == "env" => Some(SecretFrom::Env(None)),
        Some(("env", name)) if template::is_variable_name(name) => {
            Some(SecretFrom::Env(Some(name.to_owned())))
        }
        Some(("file", path)) if has(path) => Some(SecretFrom::File(path.to_owned())),
        Some(("command", line)) if has(line) => Some(SecretFrom::Shell(line.trim().to_owned())),
        _ => None,
    }
}
