//! Reads `[[tasks]]`.

use toml::de::DeValue;

use super::check::header_span;
use super::command::command;
use super::keys;
use super::reader::{Node, Reader};
use super::scalars::{NAME, duration, parsed, word};
use super::service::{DAY, MOMENT};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Located, Reading, TaskSettings};
use crate::release::Before;

/// The tasks of a list.
pub(crate) fn tasks<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<Vec<TaskSettings>> {
    let DeValue::Array(array) = node.get_ref() else {
        reader.wrong_type("tasks", node, "a list", format!("write [[{place}]] above each task"));
        return None;
    };
    let tasks: Vec<TaskSettings> =
        array.iter().filter_map(|element| task(reader, element, &format!("[[{place}]]"))).collect();
    for (at, task) in tasks.iter().enumerate() {
        let Some(name) = &task.name else { continue };
        let same = |other: &&Located<_>| other.value == name.value;
        if let Some(first) = tasks[..at].iter().filter_map(|other| other.name.as_ref()).find(same) {
            let message = format!("two tasks are called \"{}\"", name.value);
            reader.report(
                Diagnostic::new(Code::Conflict, &name.span, message)
                    .label("give it another name")
                    .related(&first.span, "first here"),
            );
        }
    }
    Some(tasks)
}

fn task<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<TaskSettings> {
    let before = reader.problems.len();
    let span = header_span(node);
    let section = reader.section(node, place, &keys::TASK)?;
    let mut settings = TaskSettings {
        span,
        name: section.read(reader, "name", |r, key, node| parsed(r, key, node, &NAME)),
        service: section.read(reader, "service", |r, key, node| parsed(r, key, node, &NAME)),
        command: section.read(reader, "command", command),
        before: section.read(reader, "before", |r, key, node| {
            word(r, key, node, &[("start", Before::Start), ("switch", Before::Switch)])
        }),
        timeout: section.read(reader, "timeout", |r, key, node| duration(r, key, node, MOMENT..=DAY)),
        reading: Reading::Complete,
    };
    if reader.problems.len() > before {
        settings.reading = Reading::Partial;
    }
    Some(settings)
}
