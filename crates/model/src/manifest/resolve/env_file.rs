//! Env files: lines of `KEY=VALUE`.
//!
//! Blank lines and lines that begin with `#` are passed over; `export ` in front is. `'…'` is taken as it stands; in `"…"`
//! `\n`, `\t`, `\r`, `\"`, `\\` and `\$` are escapes; both may go over several lines. Without quotes a value ends at ` #`. No variable is
//! replaced: what stands in the file is what the app gets. Messages name lines and never show them.

use std::collections::BTreeMap;

use super::template;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::reader::shortened;
use crate::manifest::types::EnvironmentSettings;

/// The entries of the environment's file. Of a key that stands twice the last one counts.
pub(crate) fn entries(
    settings: &EnvironmentSettings,
    text: Option<&str>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let Some(file) = &settings.env_file else { return BTreeMap::new() };
    let name = shortened(&file.value);
    let mut report = |message: String, label: &str, help: &str| {
        problems.push(Diagnostic::new(Code::EnvFile, &file.span, message).label(label).help(help));
    };
    let Some(text) = text else {
        report(
            format!("the env file \"{name}\" cannot be read"),
            "named here",
            "create it with lines of KEY=VALUE, or leave `env_file` out",
        );
        return BTreeMap::new();
    };
    let mut entries = BTreeMap::new();
    let (read, refused) = read(text);
    for (line, key, value) in read {
        if template::is_reserved(key) {
            let message =
                format!("line {line} of \"{name}\" sets `{key}`, which Bascule sets for each instance");
            report(message, "in this file", "take the line out");
        } else {
            entries.insert(key.to_owned(), value);
        }
    }
    for (line, expected) in refused {
        let message = format!("line {line} of \"{name}\" is not KEY=VALUE: {expected}");
        report(
            message,
            "in this file",
            "write KEY=VALUE, KEY='VALUE' or KEY=\"VALUE\", or # before a comment",
        );
    }
    entries
}

type Entry<'a> = (usize, &'a str, String);
type Refused = (usize, &'static str);

/// The entries with their lines (from 1), and the lines that are none.
fn read(text: &str) -> (Vec<Entry<'_>>, Vec<Refused>) {
    let (mut entries, mut refused) = (Vec::new(), Vec::new());
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let content = first.trim();
        let content = content.strip_prefix("export ").map_or(content, str::trim_start);
        if content.is_empty() || content.starts_with('#') {
            rest = after;
            continue;
        }
        let Some((key, _)) = content.split_once('=') else {
            refused.push((line, "there is no \"=\""));
            rest = after;
            continue;
        };
        let key = key.trim_end();
        // The value is looked for in all of the rest: in quotes it may have several lines.
        let value_start = rest.find('=').map_or(rest.len(), |equals| equals + 1);
        match value(&rest[value_start..]) {
            Ok((value, length)) if template::is_variable_name(key) && !value.contains('\0') => {
                entries.push((line, key, value));
                line += rest[value_start..value_start + length].matches('\n').count();
                rest = &rest[value_start + length..];
                rest = rest.split_once('\n').map_or("", |(_, after)| after);
            }
            Ok(_) => {
                refused.push((line, "the key is not letters, digits and _"));
                rest = after;
            }
            Err(expected) => {
                refused.push((line, expected));
                rest = after;
            }
        }
    }
    (entries, refused)
}

/// The value at the start of a text, and how many bytes it takes up to the end of its last line.
fn value(text: &str) -> Result<(String, usize), &'static str> {
    let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
    let start = &text[indent..];
    let Some(quote) = start.chars().next().filter(|c| *c == '"' || *c == '\'') else {
        let line = start.split('\n').next().unwrap_or("");
        let plain = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or("") };
        return Ok((plain.trim().to_owned(), indent + line.len()));
    };
    let mut value = String::new();
    let mut characters = start.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            let tail = start[at + 1..].split('\n').next().unwrap_or("");
            let tail_content = tail.trim();
            return if tail_content.is_empty() || tail_content.starts_with('#') {
                Ok((value, indent + at + 1 + tail.len()))
            } else {
                Err("something stands behind the closing quote")
            };
        }
        if c == '\\' && quote == '"' {
            match characters.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some(plain @ ('"' | '\\' | '$')) => value.push(plain),
                Some(other) => value.extend(['\\', other]),
                None => break,
            }
        } else {
            value.push(c);
        }
    }
    Err("the quote is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_forms() {
        let text = "# comment\n\nA=1\nexport B = two words # not this\nC='a # \"b\" $X'\nD=\"x\\n\\\"y\\\" \\$Z\" # c\nE=\n\
                    F=a=b#c\r\nKEY=\"-----BEGIN\nabc\n-----END\"\nG='x'\nA=2";
        let (entries, refused) = read(text);
        assert_eq!(refused, []);
        let entries: Vec<_> =
            entries.iter().map(|(line, key, value)| (*line, *key, value.as_str())).collect();
        assert_eq!(
            entries,
            [
                (3, "A", "1"),
                (4, "B", "two words"),
                (5, "C", "a # \"b\" $X"),
                (6, "D", "x\n\"y\" $Z"),
                (7, "E", ""),
                (8, "F", "a=b#c"),
                (9, "KEY", "-----BEGIN\nabc\n-----END"),
                (12, "G", "x"),
                (13, "A", "2"),
            ]
        );
    }

    #[test]
    fn names_the_lines_that_are_no_entries() {
        let (entries, refused) = read("A=1\nnonsense\n1B=2\nC=\"x\" y\nD='open\nE=5\n");
        assert_eq!(refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(entries.len(), 2);
    }
}
