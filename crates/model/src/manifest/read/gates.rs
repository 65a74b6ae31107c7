//! Reads `[gates]`.

use std::ops::Range;

use toml::de::DeValue;

use super::keys;
use super::reader::{Node, Reader, shortened};
use super::scalars::{Kind, duration, flag, number, parsed, text};
use super::service::{MOMENT, report_name};
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Condition, CustomGateSettings, GateSettings, GatesSettings, Located, Metric};
use crate::units::Duration;

const YEAR: Duration = Duration::from_seconds(365 * 86_400);

const VALUE: Kind = Kind {
    what: "a value of a report",
    help: "write the report's path, a colon and a JSON path, as in \"reports/size.json:$.total\"",
};
const EXPRESSION: Kind =
    Kind { what: "a condition", help: "write an expression over `value`, as in \"value < 300000\"" };

/// `[gates]`
pub(crate) fn gates<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<GatesSettings> {
    let section = reader.section(node, format!("[{place}]"), &keys::GATES)?;
    let mut gates = GatesSettings::default();
    for metric in Metric::ALL {
        if let Some((span, node)) = section.get(metric.as_str())
            && let Some(settings) = gate(reader, metric, node, &span, place)
        {
            gates.metrics.insert(metric, settings);
        }
    }
    if let Some((_, node)) = section.get("custom") {
        let help = "write [gates.custom.NAME], as in [gates.custom.bundle]";
        for (name, span, node) in reader.entries("custom", node, help) {
            // The names of gates look like all others.
            if name.parse::<ServiceName>().is_err() {
                report_name(reader, "gate", name, &span);
            }
            let place = format!("[{place}.custom.{}]", shortened(name));
            if let Some(settings) = custom(reader, node, &span, place) {
                gates.custom.insert(name.to_owned(), settings);
            }
        }
    }
    Some(gates)
}

fn gate<'t>(
    reader: &mut Reader,
    metric: Metric,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<GateSettings> {
    let span = span.clone();
    let name = metric.as_str();
    if !matches!(node.get_ref(), DeValue::Table(_)) {
        let condition = condition(reader, name, metric, node)?;
        return Some(GateSettings { span, condition: Some(condition), ..GateSettings::default() });
    }
    let section = reader.section(node, format!("[{place}.{name}]"), &keys::GATE)?;
    if let Some((_, node)) = section.get("min_requests")
        && !metric.counts_requests()
    {
        let message = format!("`min_requests` says nothing of `{name}`, which counts no requests");
        let problem = Diagnostic::new(Code::Conflict, &node.span(), message).label("leave it out");
        reader.report(problem.help("it belongs to `p95` and `error_rate`"));
    }
    Some(GateSettings {
        span,
        condition: section.read(reader, "condition", |r, key, node| condition(r, key, metric, node)),
        required: section.read(reader, "required", flag),
        max_age: section.read(reader, "max_age", |r, key, node| duration(r, key, node, MOMENT..=YEAR)),
        min_requests: section
            .read(reader, "min_requests", |r, key, node| number(r, key, node, 1..=1_000_000_000)),
    })
}

fn condition(reader: &mut Reader, key: &str, metric: Metric, node: &Node<'_>) -> Option<Located<Condition>> {
    let help = format!("write the condition as a text, as in {} = \"{}\"", metric.as_str(), metric.example());
    let DeValue::String(given) = node.get_ref() else {
        reader.wrong_type(key, node, "a text", help);
        return None;
    };
    let found = given.parse::<Condition>().ok().filter(|condition| condition.fits(metric));
    if found.is_none() {
        let message = format!("`{key}`: \"{}\" is no condition of {}", shortened(given), metric.as_str());
        let problem = Diagnostic::new(Code::BadValue, &node.span(), message);
        reader.report(problem.label(format!("as in \"{}\"", metric.example())).help(help));
    }
    found.map(|value| Located { value, span: node.span() })
}

fn custom<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: String,
) -> Option<CustomGateSettings> {
    let section = reader.section(node, place, &keys::CUSTOM_GATE)?;
    Some(CustomGateSettings {
        span: span.clone(),
        value: section.read(reader, "value", |r, key, node| parsed(r, key, node, &VALUE)),
        condition: section.read(reader, "condition", |r, key, node| {
            let given = text(r, key, node, &EXPRESSION)?;
            match given.value.parse() {
                Ok(value) => Some(Located { value, span: given.span }),
                Err(error) => {
                    let message = format!("`{key}` is no expression: {error}");
                    let problem = Diagnostic::new(Code::BadValue, &given.span, message);
                    r.report(problem.label("expected a condition").help(EXPRESSION.help));
                    None
                }
            }
        }),
        required: section.read(reader, "required", flag),
        max_age: section.read(reader, "max_age", |r, key, node| duration(r, key, node, MOMENT..=YEAR)),
    })
}
