//! Reads `[[verify]]`.

use std::ops::Range;

use toml::de::DeValue;

use super::command::command;
use super::configuration::{header, hidden_text};
use super::keys;
use super::reader::{Node, Reader, shortened};
use super::scalars::{JSON_PATH, Kind, NAME, TEXT, duration, number, parsed, text};
use super::service::{HOUR, MOMENT, is_url_path};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::resolve::template::{self, Piece};
use crate::manifest::types::{CheckSettings, ExpectSettings, Located, Reading};

const PATH: Kind = Kind { what: "a path", help: "begin with \"/\", as in \"/api/users\"" };

/// The checks of a list.
pub(crate) fn checks<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<Vec<CheckSettings>> {
    let DeValue::Array(array) = node.get_ref() else {
        reader.hide(node);
        reader.wrong_type("verify", node, "a list", format!("write [[{place}]] above each check"));
        return None;
    };
    let checks: Vec<CheckSettings> =
        array.iter().filter_map(|element| check(reader, element, &format!("[[{place}]]"))).collect();
    for (at, check) in checks.iter().enumerate() {
        let Some(name) = &check.name else { continue };
        let same = |other: &&Located<String>| other.value == name.value;
        if let Some(first) = checks[..at].iter().filter_map(|other| other.name.as_ref()).find(same) {
            let message = format!("two checks are called \"{}\"", shortened(&name.value));
            reader.report(
                Diagnostic::new(Code::Conflict, &name.span, message)
                    .label("give it another name")
                    .related(&first.span, "first here"),
            );
        }
    }
    Some(checks)
}

fn check<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<CheckSettings> {
    let before = reader.problems.len();
    let span = header_span(node);
    let section = reader.section(node, place, &keys::CHECK)?;
    let mut settings = CheckSettings {
        name: section.read(reader, "name", name),
        service: section.read(reader, "service", |r, key, node| parsed(r, key, node, &NAME)),
        get: section.read(reader, "get", path),
        post: section.read(reader, "post", path),
        put: section.read(reader, "put", path),
        delete: section.read(reader, "delete", path),
        command: section.read(reader, "command", command),
        header: section.read(reader, "header", header),
        body: section.read(reader, "body", hidden_text),
        expect: section.read(reader, "expect", |r, _, node| expect(r, node, place)),
        retries: section.read(reader, "retries", |r, key, node| number(r, key, node, 0..=1_000)),
        over: section.read(reader, "over", |r, key, node| duration(r, key, node, MOMENT..=HOUR)),
        span,
        reading: Reading::Complete,
    };
    if reader.problems.len() > before {
        settings.reading = Reading::Partial;
    }
    Some(settings)
}

/// The first line of a check or task is enough to point at.
pub(super) fn header_span(node: &Node<'_>) -> Range<usize> {
    let span = node.span();
    match node.get_ref() {
        DeValue::Table(table) => table
            .keys()
            .map(toml::Spanned::span)
            .min_by_key(|key| key.start)
            .map_or(span.clone(), |first| if first.start < span.end { first } else { span.clone() }),
        _ => span,
    }
}

pub(super) fn name(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let name = text(reader, key, node, &TEXT)?;
    if !name.value.trim().is_empty()
        && name.value.chars().count() <= 80
        && !name.value.contains(char::is_control)
    {
        return Some(name);
    }
    let problem = Diagnostic::new(Code::BadValue, &name.span, "`name` is empty, too long or not on one line");
    reader.report(problem.label("expected 1 to 80 characters"));
    None
}

/// A path that may have variables; one that begins with a variable is checked when that is known.
fn path(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let path = text(reader, key, node, &PATH)?;
    let before = reader.problems.len();
    template::check(reader, key, &path);
    if reader.problems.len() > before {
        return None;
    }
    let probe: String = template::pieces(&path.value)
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text,
            Piece::Instance(_) | Piece::Variable(..) | Piece::Broken(_) => "v",
        })
        .collect();
    let begins_open = path.value.starts_with("${");
    if is_url_path(&probe) || (begins_open && is_url_path(&format!("/{probe}"))) {
        return Some(path);
    }
    let message = format!("`{key}`: \"{}\" is not a path", shortened(&path.value));
    let problem = Diagnostic::new(Code::BadValue, &path.span, message).label("expected a path");
    let is_url = path.value.starts_with("http://") || path.value.starts_with("https://");
    reader.report(problem.help(if is_url {
        "leave out scheme and host: the check goes to the new release itself, as in \"/api/users\""
    } else {
        PATH.help
    }));
    None
}

fn expect<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<ExpectSettings> {
    let section = reader.section(node, format!("`expect` of {place}"), &keys::EXPECT)?;
    Some(ExpectSettings {
        status: section.read(reader, "status", |r, key, node| number(r, key, node, 100..=599)),
        within: section.read(reader, "within", |r, key, node| duration(r, key, node, MOMENT..=HOUR)),
        json: section.read(reader, "json", |r, key, node| parsed(r, key, node, &JSON_PATH)),
        contains: section.read(reader, "contains", contains),
        span: node.span(),
    })
}

fn contains(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let contains = text(reader, key, node, &TEXT)?;
    template::check(reader, key, &contains);
    if contains.value.is_empty() {
        let problem =
            Diagnostic::new(Code::BadValue, &contains.span, "`contains` is empty: every answer has that");
        reader.report(problem.label("expected a text"));
        return None;
    }
    Some(contains)
}
