//! Reads `[observe]`.

use std::ops::Range;

use super::keys;
use super::reader::{Node, Reader};
use super::scalars::{Kind, number, text, word};
use super::service::url_path;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Located, ObserveSettings, ProbeSettings};
use crate::release::ObservedBy;

const ADDRESS: Kind = Kind {
    what: "the address of a Prometheus",
    help: "write http://HOST:PORT, with a path where it has one, as in \"http://prometheus.monitoring:9090\"",
};
/// More is a load test.
const RATE_MAX: u32 = 200;
const QUERY: Kind = Kind {
    what: "a query",
    help: "write what a Prometheus takes, as in \"sum(increase(hits{service='$service'}[$window]))\"",
};

/// `[observe]`
pub(crate) fn observe<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<ObserveSettings> {
    let section = reader.section(node, place, &keys::OBSERVE)?;
    Some(ObserveSettings {
        prometheus: section.read(reader, "prometheus", address),
        by: section.read(reader, "by", |reader, key, node| {
            word(reader, key, node, &ObservedBy::ALL.map(|by| (by.as_str(), by)))
        }),
        requests: section.read(reader, "requests", query),
        errors: section.read(reader, "errors", query),
        latency: section.read(reader, "latency", query),
        probe: section.get("probe").and_then(|(span, node)| probe(reader, node, &span, place)),
    })
}

fn probe<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<ProbeSettings> {
    let section = reader.section(node, format!("`probe` of {place}"), &keys::PROBE)?;
    Some(ProbeSettings {
        span: span.clone(),
        rate: section.read(reader, "rate", |r, key, node| number(r, key, node, 1..=RATE_MAX)),
        path: section.read(reader, "path", url_path),
    })
}

fn address(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    let given = text(reader, key, node, &ADDRESS)?;
    let host = given.value.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
    // A password would be shown wherever the address is.
    let is_host = host.is_some_and(|host| !host.is_empty() && !host.contains('@'));
    let is_plain = given.value.chars().all(|c| c.is_ascii_graphic() && !"?#\"".contains(c));
    if is_host && is_plain {
        return Some(given);
    }
    refuse(reader, key, &given, &ADDRESS)
}

fn query(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    let given = text(reader, key, node, &QUERY)?;
    if given.value.trim().is_empty() { refuse(reader, key, &given, &QUERY) } else { Some(given) }
}

fn refuse(reader: &mut Reader, key: &str, given: &Located<String>, kind: &Kind) -> Option<Located<String>> {
    // Not the value: whoever writes a password into an address does not want to see it again.
    let message = format!("`{key}` is not {}", kind.what);
    let problem = Diagnostic::new(Code::BadValue, &given.span, message);
    reader.report(problem.label(format!("expected {}", kind.what)).help(kind.help));
    None
}
