//! `environment` and `secrets`: names and values, of which those that look like secrets are named and not copied.

use bascule_yaml::Node;

use crate::interpolate::{Place, has_variables, is_bare_variable, kept};
use crate::notes::Notes;
use crate::secret;
use crate::service::{Service, is_variable_name, pairs};
use crate::write::list;

/// The configuration of a service.
pub(crate) fn environment(service: &Node, place: &str, notes: &mut Notes) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = Vec::new();
    for (name, value, line) in service.get("environment").map(pairs).unwrap_or_default() {
        let at_name = format!("{place}.environment.{name}");
        let at = Place { line, name: &at_name };
        if name == "PORT" {
            let says = "left out: Bascule sets PORT to the service's `port`";
            notes.add(line, at_name, says);
            continue;
        }
        if !is_variable_name(&name) || name.starts_with("BASCULE_") {
            notes.add(line, at_name, "left out: not a name that a manifest can set");
            continue;
        }
        let from_outside = format!("${{{name}}}");
        let value = match value {
            None => Some(from_outside),
            Some(value) if !is_bare_variable(&value) && is_secret(&name, &value) => {
                let says =
                    format!("not copied: it looks like a secret; set {name} in the env file or your shell");
                notes.add(line, at_name, says);
                Some(from_outside)
            }
            Some(value) => kept(&value, &at, notes),
        };
        if let Some(value) = value {
            env.retain(|(earlier, _)| *earlier != name);
            env.push((name, value));
        }
    }
    env
}

/// A text with variables in it is one when what is spelled out beside them is.
fn is_secret(name: &str, value: &str) -> bool {
    if !has_variables(value) {
        return secret::is_secret(name, value);
    }
    secret::has_password(value)
}

/// `secrets` of a service: files of its configuration.
pub(crate) fn secret_files(service: &Node, place: &str, root: &Node, made: &mut Service, notes: &mut Notes) {
    let mut names = Vec::new();
    for node in service.get("secrets").map(Node::elements).unwrap_or_default() {
        let source = node.text().or_else(|| node.get("source").and_then(Node::text)).unwrap_or_default();
        let name = format!("{place}.secrets.{source}");
        if !is_variable_name(source) || source == "PORT" || source.starts_with("BASCULE_") {
            notes.add(node.line, name, "left out: a secret file has a name of letters, digits and _");
            continue;
        }
        let defined = root.get("secrets").and_then(|secrets| secrets.get(source));
        let from = defined
            .and_then(|secret| secret.get("environment"))
            .and_then(Node::text)
            .filter(|it| is_variable_name(it));
        let file = defined.and_then(|secret| secret.get("file")).and_then(Node::text);
        let variable = from.unwrap_or(source);
        let says = match file {
            Some(file) => format!(
                "is the file /run/secrets/{source} as before, with what {variable} is in the env file or your shell: put there what is in {file}"
            ),
            None => format!(
                "is the file /run/secrets/{source} as before, with what {variable} is in the env file or your shell"
            ),
        };
        notes.add(node.line, name, says);
        if node.get("target").and_then(Node::text).is_some_and(|target| target != source) {
            notes.add(
                node.line,
                format!("{place}.secrets.{source}.target"),
                "left out: the file is called as the variable",
            );
        }
        if !names.contains(&source.to_owned()) {
            names.push(source.to_owned());
        }
        if made.env.iter().all(|(name, _)| name != source) {
            made.env.push((source.to_owned(), format!("${{{variable}}}")));
        }
    }
    if !names.is_empty() {
        made.rows.add("secret_files", list(&names));
    }
}
