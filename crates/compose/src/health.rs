//! `healthcheck`: a path that is asked with curl or wget becomes the manifest's own check.

use bascule_model::detect::dockerfile::asked_path;
use bascule_yaml::{Node, Value};

use crate::limits;
use crate::notes::Notes;
use crate::write::{Rows, quoted};

/// The rows of `[services.NAME.health]` for a service that gets requests.
pub(crate) fn read(service: &Node, place: &str, has_port: bool, notes: &mut Notes) -> Rows {
    let mut rows = Rows::default();
    let Some(check) = service.get("healthcheck") else { return rows };
    let name = format!("{place}.healthcheck");
    if check.get("disable").is_some_and(Node::is_true) {
        notes.add(
            check.line,
            name,
            "left out: an instance that gets requests is always asked, at least by connecting",
        );
        return rows;
    }
    if !has_port {
        notes.add(
            check.line,
            name,
            "left out: without a port it is ready when it has run for `start_period`, or when a HEALTHCHECK of its Dockerfile says so",
        );
        return rows;
    }
    let test = check.get("test").map(|test| match &test.value {
        Value::List(words) => words.iter().filter_map(Node::text).collect::<Vec<_>>().join(" "),
        _ => test.text().unwrap_or_default().to_owned(),
    });
    match test.as_deref().map(asked_path) {
        Some(Some(path)) => rows.add("path", quoted(&path)),
        Some(None) => notes.add(
            check.line,
            format!("{name}.test"),
            "left out: only a path of its own that curl or wget asks is understood; here a connection to the port is enough, or write `path`",
        ),
        None => {}
    }
    for (theirs, ours) in [("interval", "interval"), ("timeout", "timeout"), ("start_period", "start_period")]
    {
        let Some(text) = check.get(theirs).and_then(Node::text) else { continue };
        match limits::duration(text) {
            Some(duration) => rows.add(ours, quoted(&duration)),
            None => notes.add(check.line, format!("{name}.{theirs}"), "left out: not a duration up to 1h"),
        }
    }
    if let Some(retries) = check.get("retries").and_then(Node::text) {
        match retries.parse::<u32>().ok().filter(|count| (1..=100).contains(count)) {
            Some(count) => rows.add("unhealthy_after", count.to_string()),
            None => notes.add(check.line, format!("{name}.retries"), "left out: not a number from 1 to 100"),
        }
    }
    if let Some(interval) = check.get("start_interval") {
        notes.add(
            interval.line,
            format!("{name}.start_interval"),
            "left out: an instance that starts is asked more often anyway",
        );
    }
    rows
}
