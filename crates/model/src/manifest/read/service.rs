//! Reads `[services.NAME]` with what it holds.

use std::ops::Range;

use super::command::command;
use super::configuration::env;
use super::container::{USER, capabilities, extra_hosts, secret_files, volumes};
use super::keys;
use super::network::network;
use super::reader::{Node, Reader, shortened};
use super::scalars::{
    CPU, HOST, Kind, NAME, PERCENT, PREFIX, SIZE, array, duration, flag, number, parsed, report_repeated,
    templated, text, word,
};
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{
    HealthSettings, HostName, Located, Reading, ResourcesSettings, ScaleSettings, ServiceSettings, Signal,
    StopSettings,
};
use crate::units::{Duration, Percent};

/// The shortest time that is one.
pub(crate) const MOMENT: Duration = Duration::from_milliseconds(1);
pub(crate) const HOUR: Duration = Duration::from_seconds(3_600);
pub(crate) const DAY: Duration = Duration::from_seconds(86_400);

/// The most instances of a service.
pub(crate) const INSTANCES_MAX: u32 = 1_000;

const URL_PATH: Kind = Kind {
    what: "a path",
    help: "begin with \"/\" and use no spaces, as in \"/health\" or \"/health?deep=1\"",
};

/// The services of a table, by name.
pub(crate) fn services<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    prefix: &str,
) -> Vec<(Located<ServiceName>, ServiceSettings)> {
    let entries = reader.entries("services", node, "write [services.NAME], as in [services.web]");
    let read = |(name, span, node): (&str, Range<usize>, &'t Node<'t>)| {
        let before = reader.problems.len();
        let parsed = name.parse::<ServiceName>().ok();
        if parsed.is_none() {
            report_name(reader, "service", name, &span);
        }
        let settings =
            service(reader, node, &span, &format!("[{prefix}services.{}]", shortened(name)), before)?;
        Some((Located { value: parsed?, span }, settings))
    };
    entries.into_iter().filter_map(read).collect()
}

/// Reports a name that is none.
pub(crate) fn report_name(reader: &mut Reader, what: &str, name: &str, span: &Range<usize>) {
    let message = format!("\"{}\" is not a name for a{} {what}", shortened(name), article(what));
    reader.report(Diagnostic::new(Code::BadValue, span, message).label("expected a name").help(NAME.help));
}

fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e']) { "n" } else { "" }
}

fn service<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
    before: usize,
) -> Option<ServiceSettings> {
    let section = reader.section(node, place, &keys::SERVICE)?;
    let mut settings = ServiceSettings {
        span: span.clone(),
        command: section.read(reader, "command", command),
        port: section.read(reader, "port", |r, key, node| number(r, key, node, 1..=65_535)),
        path: section.read(reader, "path", |r, key, node| parsed(r, key, node, &PREFIX)),
        hosts: section.read(reader, "hosts", hosts),
        instances: section.read(reader, "instances", instances),
        scale: section.get("scale").and_then(|(span, node)| scale(reader, node, &span, place)),
        max_unavailable: section
            .read(reader, "max_unavailable", |r, key, node| number(r, key, node, 1..=INSTANCES_MAX)),
        network: section.get("network").and_then(|(span, node)| network(reader, node, &span, place)),
        drain: section.read(reader, "drain", |r, key, node| duration(r, key, node, Duration::ZERO..=DAY)),
        stop: section.read(reader, "stop", |r, _, node| stop(r, node, place)),
        resources: section.read(reader, "resources", |r, _, node| resources(r, node, place)),
        env: section.read(reader, "env", env),
        health: section.read(reader, "health", |r, _, node| health(r, node, place)),
        user: section.read(reader, "user", |r, key, node| templated(r, key, node, &USER)),
        allow_root: section.read(reader, "allow_root", flag),
        capabilities: section.read(reader, "capabilities", capabilities),
        read_only: section.read(reader, "read_only", flag),
        volumes: section.read(reader, "volumes", volumes),
        extra_hosts: section.read(reader, "extra_hosts", extra_hosts),
        secret_files: section.read(reader, "secret_files", secret_files),
        reading: Reading::Complete,
    };
    if reader.problems.len() > before {
        settings.reading = Reading::Partial;
    }
    Some(settings)
}

/// `hosts = ["shop.example.com"]`
pub(crate) fn hosts<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<HostName>>> {
    let hosts = array(reader, key, node, "write a list, as in [\"shop.example.com\"]", |r, key, element| {
        parsed(r, key, element, &HOST)
    })?;
    report_repeated(reader, key, &hosts);
    Some(hosts)
}

/// A number of instances; whether 0 will do depends on the service.
pub(crate) fn instances(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<u32>> {
    number(reader, key, node, 0..=INSTANCES_MAX)
}

fn scale<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<ScaleSettings> {
    let section = reader.section(node, format!("`scale` of {place}"), &keys::SCALE)?;
    let count =
        |r: &mut Reader, key: &'static str, node: &'t Node<'t>| number(r, key, node, 1..=INSTANCES_MAX);
    Some(ScaleSettings {
        span: span.clone(),
        min: section.read(reader, "min", count),
        max: section.read(reader, "max", count),
        cpu: section.read(reader, "cpu", whole_percent),
    })
}

/// Clusters count in whole percents.
fn whole_percent(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<Percent>> {
    let percent: Located<Percent> = parsed(reader, key, node, &PERCENT)?;
    let parts = percent.value.parts_per_million();
    if parts > 0 && parts.is_multiple_of(10_000) {
        return Some(percent);
    }
    let message = format!("`{key}` = {} is no whole percentage from 1% to 100%", percent.value);
    reader.report(
        Diagnostic::new(Code::BadValue, &percent.span, message)
            .label("expected a whole percentage")
            .help("write it as in \"70%\""),
    );
    None
}

fn stop<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<StopSettings> {
    let section = reader.section(node, format!("`stop` of {place}"), &keys::STOP)?;
    let signals = Signal::ALL.map(|signal| (signal.as_str(), signal));
    Some(StopSettings {
        signal: section.read(reader, "signal", |r, key, node| word(r, key, node, &signals)),
        grace: section.read(reader, "grace", |r, key, node| duration(r, key, node, Duration::ZERO..=HOUR)),
    })
}

fn resources<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<ResourcesSettings> {
    let section = reader.section(node, format!("`resources` of {place}"), &keys::RESOURCES)?;
    let settings = ResourcesSettings {
        memory: section.read(reader, "memory", |r, key, node| parsed(r, key, node, &SIZE)),
        cpu: section.read(reader, "cpu", |r, key, node| parsed(r, key, node, &CPU)),
        pids: section.read(reader, "pids", |r, key, node| number(r, key, node, 1..=4_194_304)),
    };
    let memory = settings.memory.as_ref().filter(|memory| memory.value.bytes() < 1 << 20);
    if let Some(memory) = memory {
        let message = format!("`memory` = {} is too little for any process", memory.value);
        reader.report(Diagnostic::new(Code::BadValue, &memory.span, message).label("expected 1Mi or more"));
    }
    if let Some(cpu) = settings.cpu.as_ref().filter(|cpu| cpu.value.millicores() == 0) {
        let problem = Diagnostic::new(Code::BadValue, &cpu.span, "`cpu` = 0 lets no process run");
        reader.report(problem.label("expected more than 0").help("leave it out for no limit"));
    }
    Some(settings)
}

fn health<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<HealthSettings> {
    let section = reader.section(node, format!("`health` of {place}"), &keys::HEALTH)?;
    let time = |r: &mut Reader, key: &'static str, node: &'t Node<'t>| duration(r, key, node, MOMENT..=HOUR);
    let count = |r: &mut Reader, key: &'static str, node: &'t Node<'t>| number(r, key, node, 1..=100);
    Some(HealthSettings {
        path: section.read(reader, "path", url_path),
        interval: section.read(reader, "interval", time),
        timeout: section.read(reader, "timeout", time),
        start_period: section
            .read(reader, "start_period", |r, key, node| duration(r, key, node, Duration::ZERO..=HOUR)),
        healthy_after: section.read(reader, "healthy_after", count),
        unhealthy_after: section.read(reader, "unhealthy_after", count),
    })
}

/// Whether a text can be asked for by HTTP: a path, with or without a query.
pub(crate) fn is_url_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

pub(crate) fn url_path(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    let path = text(reader, key, node, &URL_PATH)?;
    if is_url_path(&path.value) {
        return Some(path);
    }
    let message = format!("`{key}`: \"{}\" is not a path", shortened(&path.value));
    reader.report(
        Diagnostic::new(Code::BadValue, &path.span, message).label("expected a path").help(URL_PATH.help),
    );
    None
}
