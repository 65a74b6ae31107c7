//! A tree of TOML as the JSON that a cluster is told, and where a part of that stands in the text.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::rules::Step;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::reader::{Node, Reader};
use crate::manifest::types::Located;

/// The value as JSON; none, and said, where there is something that JSON does not have.
pub(super) fn of(reader: &mut Reader, node: &Node<'_>) -> Option<Value> {
    let refuse = |reader: &mut Reader, what: &str, help: &str| {
        let problem = Diagnostic::new(Code::WrongType, &node.span(), format!("a cluster knows no {what}"));
        reader.report(problem.label("not in a patch").help(help));
        None
    };
    match node.get_ref() {
        DeValue::String(text) => Some(Value::String(text.clone().into_owned())),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(number.into()),
            Err(_) => refuse(reader, "number of that size", "write it in quotes, where a text will do"),
        },
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Some(Value::Number(number)),
            None => refuse(reader, "number that is none", "write a finite one"),
        },
        DeValue::Datetime(_) => refuse(reader, "date", "write it in quotes"),
        DeValue::Array(elements) => {
            let all: Vec<Option<Value>> = elements.iter().map(|element| of(reader, element)).collect();
            all.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
        }
        DeValue::Table(table) => {
            let mut entries: Vec<_> =
                table.iter().map(|(name, value)| (name.get_ref().as_ref(), value)).collect();
            // The same patch is the same text, in whatever order it is written.
            entries.sort_by_key(|(name, _)| *name);
            let all: Vec<_> = entries
                .into_iter()
                .map(|(name, value)| Some((name.to_owned(), of(reader, value)?)))
                .collect();
            all.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
        }
    }
}

/// Where a part of the value stands: its key, or the element of a list. Where it is not written there, what is nearest to it.
pub(super) fn place(node: &Node<'_>, path: &[Step]) -> Range<usize> {
    let mut place = node.span();
    let mut here = node;
    for step in path {
        let next = match (step, here.get_ref()) {
            (Step::Key(wanted), DeValue::Table(table)) => table
                .iter()
                .find(|(name, _)| name.get_ref().as_ref() == wanted)
                .map(|(name, value)| (name.span(), value)),
            (Step::Element { at, .. }, DeValue::Array(elements)) => {
                elements.get(*at).map(|element| (element.span(), element))
            }
            _ => None,
        };
        let Some((span, value)) = next else { break };
        (place, here) = (span, value);
    }
    place
}

pub(super) fn field<'n>(node: &'n Node<'n>, key: &str) -> Option<&'n Node<'n>> {
    match node.get_ref() {
        DeValue::Table(table) => {
            table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
        }
        _ => None,
    }
}

pub(super) fn elements<'n>(node: &'n Node<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    let elements = match node.get_ref() {
        DeValue::Array(elements) => Some(elements.iter()),
        _ => None,
    };
    elements.into_iter().flatten()
}

pub(super) fn text(node: &Node<'_>, key: &str) -> Option<Located<String>> {
    let found = field(node, key)?;
    match found.get_ref() {
        DeValue::String(text) => Some(Located { value: text.clone().into_owned(), span: found.span() }),
        _ => None,
    }
}
