//! Reads `env` and `header`: texts by name, none of which is ever shown.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;

use super::reader::{Node, Reader, shortened, type_in_words};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::resolve::template;
use crate::manifest::types::Located;

/// `env = { NAME = "value" }`
pub(crate) fn env(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
) -> Option<BTreeMap<String, Located<String>>> {
    texts(reader, key, node, report_name)
}

/// Reports a name that the configuration cannot have.
pub(super) fn report_name(reader: &mut Reader, name: &str, span: &Range<usize>) {
    if !template::is_variable_name(name) {
        report_variable_name(reader, name, span);
    } else if template::is_reserved(name) {
        let message = format!("`{name}` is set by Bascule for each instance");
        reader.report(
            Diagnostic::new(Code::BadValue, span, message)
                .label("cannot be set")
                .help("read it in the app as it is, or use another name"),
        );
    }
}

/// `args = { NAME = "value" }`: as `env`, but of a build, which has no instance whose variables could be meant.
pub(crate) fn build_texts(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
) -> Option<BTreeMap<String, Located<String>>> {
    texts(reader, key, node, |reader, name, span| {
        if !template::is_variable_name(name) {
            report_variable_name(reader, name, span);
        }
    })
}

fn report_variable_name(reader: &mut Reader, name: &str, span: &Range<usize>) {
    let message = format!("\"{}\" is not a name for a variable", shortened(name));
    reader.report(
        Diagnostic::new(Code::BadValue, span, message)
            .label("expected a variable's name")
            .help("use letters, digits and _, beginning with a letter or _, as in LOG_LEVEL"),
    );
}

/// `header = { Name = "value" }`
pub(crate) fn header(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
) -> Option<BTreeMap<String, Located<String>>> {
    const OURS: [&str; 6] = ["connection", "content-length", "expect", "te", "transfer-encoding", "upgrade"];
    texts(reader, key, node, |reader, name, span| {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            let message = format!("\"{}\" is not a name for a header field", shortened(name));
            reader.report(
                Diagnostic::new(Code::BadValue, span, message)
                    .label("expected a field's name")
                    .help("use letters, digits and -, as in Authorization or X-Api-Key"),
            );
        } else if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("the header field `{name}` is set by the connection itself");
            reader.report(Diagnostic::new(Code::BadValue, span, message).label("leave it out"));
        }
    })
}

/// A text that is never shown, and may have variables.
pub(crate) fn hidden_text(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    reader.hide(node);
    match node.get_ref() {
        DeValue::String(text) => {
            let located = Located { value: text.clone().into_owned(), span: node.span() };
            template::check(reader, key, &located);
            Some(located)
        }
        other => {
            let quoted = matches!(other, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_));
            let help = if quoted { "put the value in quotes" } else { "write a text in quotes" };
            reader.wrong_type(key, node, "a text", help);
            None
        }
    }
}

fn texts(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
    check_name: impl Fn(&mut Reader, &str, &Range<usize>),
) -> Option<BTreeMap<String, Located<String>>> {
    reader.hide(node);
    let DeValue::Table(table) = node.get_ref() else {
        let message = format!("`{key}` is {}, expected a table", type_in_words(node));
        reader.report(
            Diagnostic::new(Code::WrongType, &node.span(), message)
                .label("expected a table")
                .help(format!("write {key} = {{ NAME = \"value\" }}")),
        );
        return None;
    };
    let mut texts = BTreeMap::new();
    for (name, value) in table {
        check_name(reader, name.get_ref(), &name.span());
        let shown = shortened(name.get_ref());
        if let Some(text) = hidden_text(reader, &shown, value) {
            texts.insert(name.get_ref().to_string(), text);
        }
    }
    Some(texts)
}
