//! From the text of `bascule.toml` to a [`Manifest`], or to every mistake in it at once.

mod build;
mod check;
mod command;
mod configuration;
mod container;
mod database;
mod environment;
mod gates;
pub(crate) mod keys;
mod kubernetes;
mod network;
mod observe;
mod patches;
mod pipeline;
mod policy;
pub(crate) mod reader;
mod reports;
mod rollout;
mod scalars;
mod secret;
mod service;
mod syntax;
mod task;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use self::reader::{Reader, Section};
use super::diagnostics::{Code, Diagnostic, Diagnostics};
use super::resolve;
use super::source::Source;
use super::types::{Located, Manifest};
use crate::ids::AppName;

pub(crate) use environment::undeclared;
pub(crate) use patches::changes as patch_changes;
pub(crate) use service::is_url_path;

/// Reads a manifest. `file_name` is what messages call it.
///
/// # Errors
/// Every mistake: of the text itself, of each section, and of what the sections mean together in each environment.
pub fn parse(source: &str, file_name: &str) -> Result<Manifest, Diagnostics> {
    let (document, errors) = DeTable::parse_recoverable(source);
    let mut reader = Reader::default();
    for error in &errors {
        let problem = syntax::diagnostic(source, error);
        // What follows on the same line is most often said of the parser's guess, not of the text.
        let line = line_of(source, problem.span.start);
        let is_first = reader.problems.iter().all(|earlier| line_of(source, earlier.span.start) != line);
        if is_first || problem.code != Code::Syntax {
            reader.report(problem);
        }
    }
    let is_broken = reader.problems.iter().any(|problem| problem.code == Code::Syntax);
    let of_the_text = reader.problems.len();
    let manifest = manifest(&mut reader, document.get_ref());
    let Reader { mut problems, mut masks } = reader;
    if is_broken {
        // The tree has holes where the text is broken: what is missing there proves nothing, and neither does what
        // stands on the same line. What is plainly wrong elsewhere is said all the same.
        let broken = lines_of(source, &problems[..of_the_text]);
        let mut at = 0;
        problems.retain(|problem| {
            at += 1;
            let is_plain = matches!(problem.code, Code::UnknownKey | Code::WrongType | Code::BadValue);
            at <= of_the_text || (is_plain && !broken.contains(&line_of(source, problem.span.start)))
        });
    }
    if !errors.is_empty() {
        // A second value of a key is not in the tree either.
        masks.extend(syntax::masks(source));
    }
    for problem in &mut problems {
        problem.span = syntax::on_characters(source, problem.span.clone());
    }
    let source = Source::new(file_name, source, masks);
    let manifest = manifest.map(|manifest| Manifest { source: source.clone(), ..manifest });
    if let Some(manifest) = manifest.as_ref().filter(|_| !is_broken) {
        problems.extend(resolve::problems_in_any_environment(manifest));
    }
    match manifest {
        Some(manifest) if problems.is_empty() => Ok(manifest),
        _ => Err(Diagnostics::new(source, problems)),
    }
}

fn line_of(source: &str, at: usize) -> usize {
    source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

fn lines_of(source: &str, problems: &[Diagnostic]) -> Vec<usize> {
    problems
        .iter()
        .flat_map(|problem| line_of(source, problem.span.start)..=line_of(source, problem.span.end))
        .collect()
}

fn manifest<'t>(reader: &mut Reader, table: &'t DeTable<'t>) -> Option<Manifest> {
    let top = Section::top(reader, table);
    let app = app(reader, &top);
    let env = top.read(reader, "env", configuration::env);
    let secrets = top.read(reader, "secrets", secret::secrets);
    let build = top.get("build").and_then(|(span, node)| build::build(reader, node, &span, "[build]"));
    let services = match top.get("services") {
        Some((_, node)) => service::services(reader, node, ""),
        None => Vec::new(),
    };
    if !has_entries(&top, "services") {
        reader.report(missing(
            "services",
            "an app has at least one service: write [services.web] with its command",
        ));
    }
    let names: Vec<&str> = names_in(&top, "services");
    let verify = top.read(reader, "verify", |r, _, node| check::checks(r, node, "verify"));
    let tasks = top.read(reader, "tasks", |r, _, node| task::tasks(r, node, "tasks"));
    let database =
        top.get("database").and_then(|(span, node)| database::database(reader, node, &span, "[database]"));
    let backup = top.get("backup").and_then(|(span, node)| database::backup(reader, node, &span, "[backup]"));
    let rollout = top.get("rollout").and_then(|(_, node)| rollout::rollout(reader, node, "[rollout]"));
    let observe = top.get("observe").and_then(|(_, node)| observe::observe(reader, node, "[observe]"));
    let known = names_in(&top, "environments");
    let pipeline = top.get("pipeline").and_then(|(_, node)| pipeline::pipeline(reader, node, &known));
    let gates = top.read(reader, "gates", |r, _, node| gates::gates(r, node, "gates"));
    let environments = match top.get("environments") {
        Some((_, node)) => environment::environments(reader, node, &names),
        None => BTreeMap::new(),
    };
    if !has_entries(&top, "environments") {
        let help = "an app is deployed to an environment: write [environments.staging]";
        reader.report(missing("environments", help));
    }
    Some(Manifest {
        source: Source::new("", "", Vec::new()),
        app: app?,
        env,
        secrets,
        build,
        services: services.into_iter().map(|(name, settings)| (name.value, settings)).collect(),
        verify,
        tasks,
        database,
        backup,
        rollout,
        observe,
        pipeline,
        gates,
        environments,
    })
}

fn app(reader: &mut Reader, top: &Section<'_>) -> Option<Located<AppName>> {
    if top.get("app").is_none() {
        reader.report(missing("app", "write the app's name in the first line, as in app = \"shop\""));
    }
    let app = top.read(reader, "app", |r, key, node| scalars::parsed(r, key, node, &scalars::NAME));
    // With another mistake in the name, the rest can still be looked at.
    app.or_else(|| AppName::new("app").ok().map(|value| Located { value, span: 0..0 }))
}

fn names_in<'t>(top: &Section<'t>, key: &'static str) -> Vec<&'t str> {
    match top.get(key).map(|(_, node)| node.get_ref()) {
        Some(DeValue::Table(table)) => table.keys().map(|name| name.get_ref().as_ref()).collect(),
        _ => Vec::new(),
    }
}

/// Whether the key holds an entry, or something that is no table, which is reported elsewhere.
fn has_entries(top: &Section<'_>, key: &'static str) -> bool {
    match top.get(key).map(|(_, node)| node.get_ref()) {
        Some(DeValue::Table(table)) => !table.is_empty(),
        Some(_) => true,
        None => false,
    }
}

fn missing(key: &str, help: &str) -> Diagnostic {
    Diagnostic::new(Code::MissingKey, &(0..0), format!("`{key}` is missing")).help(help)
}
