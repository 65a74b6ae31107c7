//! A text that is not TOML: what is said of it, and what of it may be shown.
//!
//! Where the text cannot be taken apart, no tree tells which texts are secrets. So a line shows its value only when its
//! section and key are known and harmless; everything else is hidden, down to the end of the line.

use std::ops::Range;

use super::keys;
use crate::manifest::diagnostics::{Code, Diagnostic};

/// What the parser said, as a diagnostic.
pub(crate) fn diagnostic(source: &str, error: &toml::de::Error) -> Diagnostic {
    let span = on_characters(source, error.span().unwrap_or(0..0));
    let said = error.message().replace('\n', " ");
    if said.starts_with("duplicate key") {
        return Diagnostic::new(Code::DuplicateKey, &span, "this key stands here a second time")
            .label("leave it out, or give it another name");
    }
    let (what, expected) =
        said.split_once(", expected ").map_or((said.as_str(), None), |(w, e)| (w, Some(e)));
    if what == "string values must be quoted" && source[span.clone()].trim().is_empty() {
        return Diagnostic::new(Code::Syntax, &span, "this is not TOML: a key has no value")
            .label("expected a value")
            .help("write the value behind the equals sign, on the same line");
    }
    let problem = Diagnostic::new(Code::Syntax, &span, format!("this is not TOML: {what}"));
    let problem = match expected {
        Some("nothing") => problem.label("not understood from here"),
        Some("literal string") => problem.label("put it in quotes"),
        Some(expected) => problem.label(format!("expected {expected}")),
        None => problem,
    };
    match what {
        w if w.contains("string") || w.contains("quoted") => {
            problem.help("texts stand in quotes, as in app = \"shop\", on one line")
        }
        w if w.contains("key with no value") => problem.help("write key = value"),
        w if w.contains("array") => {
            problem.help("lists stand in brackets, with commas, as in [\"a\", \"b\"]")
        }
        w if w.contains("inline table") => problem.help("write { key = \"value\", other = 1 }"),
        _ => problem,
    }
}

/// The span, moved outwards to whole characters inside the text.
pub(crate) fn on_characters(source: &str, span: Range<usize>) -> Range<usize> {
    let floor = source.floor_char_boundary(span.start);
    floor..source.ceil_char_boundary(span.end).max(floor)
}

/// What must not be shown of a text that is not TOML.
pub(crate) fn masks(source: &str) -> Vec<Range<usize>> {
    let mut masks = Vec::new();
    let mut section_is_harmless = true;
    // Lines that belong to the value of an earlier line are as that one.
    let mut value_is_harmless = true;
    let mut open_quote: Option<&str> = None;
    let mut open_brackets = 0_i32;
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_end();
        let end = start + content.len();
        let trimmed = content.trim_start();
        let indent = content.len() - trimmed.len();
        if let Some(quote) = open_quote {
            // Whatever it belongs to: where it was not meant to be opened, other keys stand in it.
            masks.push(start..end);
            if trimmed.contains(quote) {
                open_quote = None;
            }
        } else if trimmed.starts_with('[') && is_header(trimmed) {
            section_is_harmless = names(trimmed).iter().all(|name| !keys::HIDDEN.contains(&name.as_str()));
            value_is_harmless = section_is_harmless;
            open_brackets = 0;
            if !section_is_harmless {
                // Behind the brackets of such a header nothing is shown.
                if let Some(close) = content.rfind(']') {
                    masks.push(start + close + 1..end);
                }
            }
        } else if !value_is_harmless && open_brackets > 0 {
            open_brackets += brackets(trimmed);
            masks.push(start + indent..end);
        } else if let Some(equals) = content.find('=') {
            // A second equals sign: two lines have run into one, and the other may hide its value.
            let is_alone = !content[equals + 1..].contains('=');
            value_is_harmless = section_is_harmless && is_alone && is_harmless_key(&content[..equals]);
            if !value_is_harmless {
                masks.push(start + equals + 1..end);
            }
            let value = &content[equals + 1..];
            open_brackets = brackets(value);
            open_quote = ["\"\"\"", "'''"].into_iter().find(|quote| value.matches(quote).count() % 2 == 1);
        } else if !trimmed.starts_with('#') {
            let is_element = open_brackets > 0 && trimmed.starts_with(['"', '\'', ',', '[', ']']);
            open_brackets += brackets(trimmed);
            if !value_is_harmless {
                masks.push(start + indent..end);
            } else if !is_element {
                // A line that is nothing: its first word is shown, as what follows may be meant as the value of a key.
                let word = trimmed
                    .find(|c: char| c.is_whitespace() || c == '"' || c == '\'')
                    .unwrap_or(trimmed.len());
                masks.push(start + indent + word..end);
            }
        }
    }
    masks.retain(|mask| !mask.is_empty());
    masks
}

/// How many brackets a piece of a value leaves open; less than none when it closes some.
fn brackets(value: &str) -> i32 {
    value.chars().map(|c| i32::from(matches!(c, '[' | '{')) - i32::from(matches!(c, ']' | '}'))).sum()
}

/// Whether a line that begins with a bracket is a section's header and not the rest of a list.
fn is_header(line: &str) -> bool {
    !line.contains(['=', ','])
}

/// The names of a header or of a dotted key.
fn names(text: &str) -> Vec<String> {
    text.trim_matches(|c: char| c == '[' || c == ']' || c.is_whitespace())
        .split('.')
        .map(|name| name.trim_matches(|c: char| c == '"' || c == '\'' || c.is_whitespace()).to_lowercase())
        .collect()
}

/// Whether the last name of a key is a known one that leads to no hidden value.
fn is_harmless_key(key: &str) -> bool {
    // These hold tables, in which anything can stand.
    const TABLES: [&str; 11] = [
        "build",
        "services",
        "verify",
        "tasks",
        "environments",
        "health",
        "expect",
        "kubernetes",
        "patches",
        "metadata",
        "spec",
    ];
    let names = names(key);
    let is_known = |name: &str| keys::ALL.iter().any(|keys| keys.names.contains(&name));
    names.iter().all(|name| !keys::HIDDEN.contains(&name.as_str()))
        && names.last().is_some_and(|last| is_known(last) && !TABLES.contains(&last.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::source::Source;

    #[test]
    fn only_known_harmless_values_are_shown() {
        let text = "app = \"shop\nenv = { TOKEN = \"hunter2\n[services.web]\ncommand = [\n  \"./shop\",\n]\n\
                    envv = 'hunter2'\nenv.X = hunter2\n[services.web.env]\nTOKEN = hunter2\n[[verify]]\nbody = \"\"\"\n\
                    [services.web]\ncommand = 'hunter2'\n\"\"\"\nget = /x\nheader = {\n command = hunter2\n}\n\
                    staging = { env = { command = 'hunter2' } }\n[environments.x.env] TOKEN = hunter2\n";
        let (shown, _) = Source::new("f", text, masks(text)).excerpt(&[]);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("app = \"shop\n") && shown.contains("\"./shop\",") && shown.contains("get = /x")
        );
        assert_eq!(shown.lines().count(), text.lines().count());
    }
}
