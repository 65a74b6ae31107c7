//! Reads single values: texts with a meaning, numbers with a range, words of a list, and lists of these.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::de::DeValue;

use super::reader::{Node, Reader, shortened};
use crate::manifest::diagnostics::{Code, Diagnostic, list, nearest};
use crate::manifest::resolve::template;
use crate::manifest::types::{Located, Templated};
use crate::units::Duration;

/// A kind of text, for messages.
pub(crate) struct Kind {
    /// With its article, as in "a duration".
    pub(crate) what: &'static str,
    /// How one is written.
    pub(crate) help: &'static str,
}

pub(crate) const DURATION: Kind = Kind {
    what: "a duration",
    help: "write a whole number with its unit ms, s, m, h or d in quotes, as in \"250ms\", \"30s\" or \"1m30s\"",
};
pub(crate) const SIZE: Kind = Kind {
    what: "a size",
    help: "write a number with B, Ki, Mi, Gi (1024) or kB, MB, GB (1000) in quotes, as in \"256Mi\"",
};
pub(crate) const PERCENT: Kind =
    Kind { what: "a percentage", help: "write a number from 0 to 100 with % in quotes, as in \"0.1%\"" };
pub(crate) const CPU: Kind = Kind {
    what: "a share of cores",
    help: "write cores in quotes, as in \"0.5\" or \"2\", or thousandths of a core, as in \"500m\"",
};
pub(crate) const NAME: Kind =
    Kind { what: "a name", help: "use 1 to 40 of a-z, 0-9 and -, beginning with a letter, as in \"shop\"" };
pub(crate) const HOST: Kind = Kind {
    what: "a host name",
    help: "write a name without scheme and port, as in \"shop.example.com\" or \"*.example.com\"",
};
pub(crate) const PREFIX: Kind = Kind {
    what: "a path",
    help: "begin with \"/\" and use no spaces, no query and no \"..\", as in \"/api\"",
};
pub(crate) const FILE: Kind = Kind {
    what: "a path inside the project",
    help: "write a path relative to the manifest's folder, without \"..\", as in \"target/release/shop\"",
};
pub(crate) const JSON_PATH: Kind = Kind {
    what: "a JSON path",
    help: "begin with $ and go on with .name, [\"name\"] or [0], as in \"$.users[0].name\"",
};
pub(crate) const TEXT: Kind = Kind { what: "a text", help: "write a text in quotes" };

/// A text as it stands.
pub(crate) fn text(reader: &mut Reader, key: &str, node: &Node<'_>, kind: &Kind) -> Option<Located<String>> {
    if let DeValue::String(text) = node.get_ref() {
        Some(Located { value: text.clone().into_owned(), span: node.span() })
    } else {
        reader.wrong_type(key, node, kind.what, kind.help);
        None
    }
}

/// A text that says something of type `T`.
pub(crate) fn parsed<T: FromStr>(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
    kind: &Kind,
) -> Option<Located<T>> {
    let Located { value, span } = text(reader, key, node, kind)?;
    if let Ok(parsed) = value.parse() {
        return Some(Located { value: parsed, span });
    }
    let message = format!("`{key}`: \"{}\" is not {}", shortened(&value), kind.what);
    reader.report(
        Diagnostic::new(Code::BadValue, &span, message)
            .label(format!("expected {}", kind.what))
            .help(kind.help),
    );
    None
}

/// The same, in which variables can stand.
pub(crate) fn templated<T: FromStr>(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
    kind: &Kind,
) -> Option<Located<Templated<T>>> {
    let text: Located<Templated<T>> = parsed(reader, key, node, kind)?;
    if let Templated::Open(source) = &text.value {
        template::check(reader, key, &Located { value: source.clone(), span: text.span.clone() });
    }
    Some(text)
}

/// A duration within these bounds, both included.
pub(crate) fn duration(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
    bounds: RangeInclusive<Duration>,
) -> Option<Located<Duration>> {
    let duration = parsed(reader, key, node, &DURATION)?;
    in_bounds(reader, key, duration, &bounds)
}

/// A whole number within these bounds, both included.
pub(crate) fn number<T>(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
    bounds: RangeInclusive<T>,
) -> Option<Located<T>>
where
    T: TryFrom<i64> + PartialOrd + Display + Copy,
{
    let range = format!("a whole number from {} to {}", bounds.start(), bounds.end());
    let DeValue::Integer(integer) = node.get_ref() else {
        let help = match node.get_ref() {
            DeValue::String(_) => format!("write {range}, without quotes"),
            _ => format!("write {range}"),
        };
        reader.wrong_type(key, node, "a whole number", help);
        return None;
    };
    let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|n| T::try_from(n).ok());
    if let Some(value) = value {
        return in_bounds(reader, key, Located { value, span: node.span() }, &bounds);
    }
    out_of_bounds(reader, key, node.span(), &shortened(integer.as_str()), &bounds);
    None
}

fn in_bounds<T: PartialOrd + Display>(
    reader: &mut Reader,
    key: &str,
    located: Located<T>,
    bounds: &RangeInclusive<T>,
) -> Option<Located<T>> {
    if bounds.contains(&located.value) {
        return Some(located);
    }
    out_of_bounds(reader, key, located.span, &located.value.to_string(), bounds);
    None
}

fn out_of_bounds<T: Display>(
    reader: &mut Reader,
    key: &str,
    span: std::ops::Range<usize>,
    given: &str,
    bounds: &RangeInclusive<T>,
) {
    let range = format!("expected {} to {}", bounds.start(), bounds.end());
    let message = format!("`{key}` = {given} is out of range");
    reader.report(Diagnostic::new(Code::BadValue, &span, message).label(range));
}

/// One of a few words.
pub(crate) fn word<T: Copy>(
    reader: &mut Reader,
    key: &str,
    node: &Node<'_>,
    words: &[(&'static str, T)],
) -> Option<Located<T>> {
    let names = || words.iter().map(|(name, _)| *name);
    let quoted = names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let known = if words.len() == 1 { format!("write {quoted}") } else { format!("use one of {quoted}") };
    let DeValue::String(given) = node.get_ref() else {
        reader.wrong_type(key, node, "a text", known);
        return None;
    };
    if let Some((_, value)) = words.iter().find(|(name, _)| name == given) {
        return Some(Located { value: *value, span: node.span() });
    }
    let label = match nearest(given, names()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("expected {}", list(names())),
    };
    let message = format!("`{key}`: unknown value \"{}\"", shortened(given));
    reader.report(Diagnostic::new(Code::BadValue, &node.span(), message).label(label).help(known));
    None
}

/// `true` or `false`.
pub(crate) fn flag(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<bool>> {
    if let DeValue::Boolean(value) = node.get_ref() {
        return Some(Located { value: *value, span: node.span() });
    }
    reader.wrong_type(key, node, "true or false", format!("write {key} = true, without quotes"));
    None
}

/// A list, each element read by `read`; none when it is no list or any element is refused.
pub(crate) fn array<'t, T>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
    help: &str,
    mut read: impl FnMut(&mut Reader, &'static str, &'t Node<'t>) -> Option<T>,
) -> Option<Vec<T>> {
    let DeValue::Array(array) = node.get_ref() else {
        reader.wrong_type(key, node, "a list", help);
        return None;
    };
    let before = reader.problems.len();
    let elements: Vec<T> = array.iter().filter_map(|element| read(reader, key, element)).collect();
    (reader.problems.len() == before).then_some(elements)
}

/// Reports the second of two equal elements.
pub(crate) fn report_repeated<T: PartialEq + Display>(reader: &mut Reader, key: &str, list: &[Located<T>]) {
    for (at, element) in list.iter().enumerate() {
        if let Some(first) = list[..at].iter().find(|earlier| earlier.value == element.value) {
            let message = format!("`{key}` names \"{}\" twice", shortened(&element.value.to_string()));
            reader.report(
                Diagnostic::new(Code::BadValue, &element.span, message)
                    .label("leave this one out")
                    .related(&first.span, "first here"),
            );
        }
    }
}
