//! What a step found or did, as a person reads it: a few words beside a running step, all of it in a report.

use std::time::Duration;

use bascule_model::evidence::{CheckResult, Exit, InstanceState, InstanceStatus};
use bascule_model::run::Evidence;
use serde_json::Value;

use crate::text::wrap::{WIDTH, wrap};
use crate::text::{escape, number, time};
use crate::view::checks;
use crate::view::plan::short;

/// A few words; none when the step's plan says more.
pub fn brief(step: &str, evidence: &Evidence) -> Option<String> {
    let text = |key: &str| evidence.get(key).and_then(Value::as_str).map(escape::line);
    let count = |key: &str| evidence.get(key).and_then(Value::as_u64);
    match step {
        "artifact" => Some(short(&text("digest")?)),
        "start" => {
            let started = evidence.get("instances")?.as_array()?.len();
            Some(format!("{} started", number::of(started as u64, "instance")))
        }
        "ready" => Some(format!("{} well", number::of(count("ready")?, "instance"))),
        "switch" => {
            let micros = Duration::from_micros(count("micros")?);
            Some(format!("traffic moved to {} in {}", text("slot")?, time::took(micros)))
        }
        "roll" => {
            let took = Duration::from_millis(count("took_ms")?);
            Some(format!("traffic moved to {} pod by pod in {}", text("slot")?, time::took(took)))
        }
        "bake" | "rehearse" | "backup" | "backfill" => text("sentence"),
        "before-start" | "before-switch" => {
            let ran = evidence.get("tasks")?.as_array()?.iter();
            let names: Vec<&str> = ran.filter_map(|one| one.get("name")?.as_str()).collect();
            Some(format!("{} went well", escape::line(&names.join(", "))))
        }
        "migrate-expand" => Some(format!("{} applied", migrations(evidence, "applied"))),
        "migrate-contract" => Some(format!("{} contracted", migrations(evidence, "contracted"))),
        "migrate-revert" => Some(format!("{} taken back", migrations(evidence, "reverted"))),
        "migrate-undrop" => Some(format!("the contract of {} undone", migrations(evidence, "undropped"))),
        "verify" | "verify-live" => {
            let all = evidence.get("checks")?.as_array()?;
            let passed =
                all.iter().filter(|one| one.get("status").and_then(Value::as_str) == Some("pass")).count();
            Some(match all.len() {
                0 => "no checks".to_owned(),
                all => format!("{passed} of {} passed", number::of(all as u64, "check")),
            })
        }
        _ => None,
    }
}

fn migrations(evidence: &Evidence, list: &str) -> String {
    let count = evidence.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    number::of(count as u64, "migration")
}

/// What an undo came to: some things are not brought back, and that is said.
pub fn undone(evidence: &Evidence) -> &'static str {
    match (evidence.get("stays"), evidence.get("nothing")) {
        (Some(Value::String(how)), _) if how == "stopped" => "not taken back: it stays stopped",
        (Some(_), _) => "not taken back: it stays",
        (None, Some(_)) => "nothing to take back",
        (None, None) => "taken back",
    }
}

/// All of it, behind `indent` spaces: checks and instances as tables, anything else as names and values.
pub fn whole(evidence: &Evidence, indent: usize) -> String {
    let mut text = String::new();
    if let Value::Object(fields) = evidence {
        let is_sentence = |name: &&String| *name == "sentence";
        let names = fields.keys().filter(is_sentence).chain(fields.keys().filter(|name| !is_sentence(name)));
        for name in names {
            field(&mut text, name, &fields[name], indent);
        }
    }
    text
}

fn field(text: &mut String, name: &str, value: &Value, indent: usize) {
    let margin = " ".repeat(indent);
    match (name, value) {
        (_, Value::Null) => {}
        ("checks" | "last_checks", value) => {
            match serde_json::from_value::<Vec<CheckResult>>(value.clone()) {
                Ok(results) if results.is_empty() => text.push_str(&format!("{margin}no checks\n")),
                Ok(results) => text.push_str(&checks::checks(&results, indent)),
                Err(_) => plain(text, name, value, indent),
            }
        }
        ("instances", Value::Array(list)) => list.iter().for_each(|one| instance(text, one, indent)),
        ("tasks", Value::Array(list)) => list.iter().for_each(|one| task(text, one, indent)),
        ("instance", value @ Value::Object(_)) => instance(text, value, indent),
        ("sentence", Value::String(sentence)) => {
            text.push_str(&format!("{margin}{}\n", wrap(&escape::line(sentence), indent, indent)));
        }
        (name, value) => plain(text, name, value, indent),
    }
}

/// `migrate as web, exit status 0 after 1.2 s`, and where all of what it wrote is.
fn task(text: &mut String, value: &Value, indent: usize) {
    let said = |key: &str| value.get(key).and_then(Value::as_str).map(escape::line).unwrap_or_default();
    let exit = value.get("exit").cloned().map(serde_json::from_value::<Exit>);
    let Some(Ok(exit)) = exit else { return plain(text, "task", value, indent) };
    let took = Duration::from_millis(value.get("took_ms").and_then(Value::as_u64).unwrap_or_default());
    let line = format!("{} as {}, {exit} after {}", said("name"), said("service"), time::took(took));
    let margin = " ".repeat(indent);
    text.push_str(&format!("{margin}{}\n", wrap(&line, indent, indent)));
    text.push_str(&format!("{margin}  {}\n", said("log")));
}

/// `web-1 on 127.0.0.1:40001`, and what it is doing unless it simply runs.
fn instance(text: &mut String, value: &Value, indent: usize) {
    let Ok(status) = serde_json::from_value::<InstanceStatus>(value.clone()) else {
        return plain(text, "instance", value, indent);
    };
    let address = status.address.map(|address| format!(" on {address}")).unwrap_or_default();
    let state = match &status.state {
        InstanceState::Running { pid: 0 } => "runs".to_owned(),
        InstanceState::Running { pid } => format!("pid {pid}"),
        InstanceState::BackOff { exit, .. } => format!("ended with {exit}, waits to start again"),
        InstanceState::CrashLoop { exit } => format!("ended again and again, the last time with {exit}"),
        InstanceState::CannotStart { reason } => format!("cannot start: {}", escape::line(reason)),
        InstanceState::Waiting { reason } => format!("waits: {}", escape::line(reason)),
        InstanceState::Stopping { pid: 0 } => "stopping".to_owned(),
        InstanceState::Stopping { pid } => format!("stopping, pid {pid}"),
        InstanceState::Gone => "gone".to_owned(),
    };
    let line = format!("{}-{}{address}: {state}", status.service, status.n);
    text.push_str(&format!("{}{}\n", " ".repeat(indent), wrap(&line, indent, indent + 2)));
}

/// `name: value`, objects and lists one level in.
fn plain(text: &mut String, name: &str, value: &Value, indent: usize) {
    let margin = " ".repeat(indent);
    let (name, said) = said(name, value);
    let line = format!("{name}: {said}");
    match value {
        _ if indent + line.chars().count() <= WIDTH => text.push_str(&format!("{margin}{line}\n")),
        Value::Object(fields) if !fields.is_empty() && indent < 12 => {
            text.push_str(&format!("{margin}{name}\n"));
            for (name, value) in fields {
                field(text, name, value, indent + 2);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) && indent < 12 => {
            text.push_str(&format!("{margin}{name}\n"));
            for one in list {
                text.push_str(&format!("{margin}  {}\n", wrap(&inline(one), indent + 2, indent + 4)));
            }
        }
        _ => text.push_str(&format!("{margin}{}\n", wrap(&line, indent, indent + 2))),
    }
}

/// A field's name and value in words: times have their unit beside them.
fn said(name: &str, value: &Value) -> (String, String) {
    let words = |name: &str| escape::line(&name.replace('_', " "));
    match (name, name.strip_suffix("_ms"), value.as_u64()) {
        ("micros", _, Some(micros)) => ("took".to_owned(), time::took(Duration::from_micros(micros))),
        (_, Some(name), Some(millis)) => (words(name), time::took(Duration::from_millis(millis))),
        _ => (words(name), inline(value)),
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => escape::line(text),
        Value::Array(list) => list.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| said(name, value))
            .map(|(name, value)| format!("{name} {value}"))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.4}", number.as_f64().unwrap_or_default());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        value => value.to_string(),
    }
}
