//! Reads `[[pipeline.stage]]`, and sees whether the stages and jobs fit together.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;

use super::keys;
use super::reader::{Node, Reader, shortened};
use super::reports::{check_reports, reports};
use super::scalars::{FILE, Kind, NAME, TEXT, array, duration, flag, number, parsed, report_repeated, text};
use super::service::{DAY, HOUR, MOMENT, report_name as report_bad_name};
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic, list, nearest};
use crate::manifest::resolve::template;
use crate::manifest::types::{
    CacheSettings, JobSettings, Located, PipelineSettings, RelativePath, RetrySettings, StageSettings,
};

const RETRIED: Kind = Kind {
    what: "an end of a job",
    help: "write \"timeout\", \"signal\", \"exit\" or a status, as in \"exit:75\"",
};

/// `[pipeline]`; `environments` are those that the manifest has.
pub(crate) fn pipeline<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    environments: &[&str],
) -> Option<PipelineSettings> {
    let section = reader.section(node, "[pipeline]", &keys::PIPELINE)?;
    let help = "write [[pipeline.stage]] above each stage";
    let Some((_, node)) = section.get("stage") else {
        let problem = Diagnostic::new(Code::MissingKey, &node.span(), "a pipeline without `stage`");
        reader.report(problem.help(help));
        return None;
    };
    let DeValue::Array(elements) = node.get_ref() else {
        reader.wrong_type("stage", node, "a list", help);
        return None;
    };
    let stages: Vec<StageSettings> = elements.iter().filter_map(|element| stage(reader, element)).collect();
    check_stages(reader, &stages, environments);
    Some(PipelineSettings { stage: stages })
}

fn stage<'t>(reader: &mut Reader, node: &'t Node<'t>) -> Option<StageSettings> {
    let section = reader.section(node, "[[pipeline.stage]]", &keys::STAGE)?;
    let span = first_key(node);
    let before = reader.problems.len();
    let stage = StageSettings {
        name: section.read(reader, "name", super::check::name),
        jobs: section.read(reader, "jobs", jobs),
        build: section.read(reader, "build", flag),
        deploy: section.read(reader, "deploy", |r, key, node| parsed(r, key, node, &NAME)),
        span,
    };
    if reader.problems.len() > before {
        return Some(stage);
    }
    if stage.build.as_ref().is_some_and(|build| !build.value) {
        let span = stage.build.as_ref().map_or(stage.span.clone(), |build| build.span.clone());
        let problem = Diagnostic::new(Code::BadValue, &span, "`build = false` says nothing");
        reader.report(problem.label("leave it out"));
    }
    let kinds = [stage.jobs.is_some(), stage.build.is_some(), stage.deploy.is_some()];
    if kinds.iter().filter(|kind| **kind).count() != 1 {
        let message = "a stage has exactly one of `jobs`, `build` and `deploy`";
        let help = "write [pipeline.stage.jobs.NAME] for each job, or build = true, or deploy = \"staging\"";
        reader.report(Diagnostic::new(Code::Conflict, &stage.span, message).help(help));
    } else if stage.jobs.is_some() && stage.name.is_none() {
        let problem = Diagnostic::new(Code::MissingKey, &stage.span, "a stage with jobs without `name`");
        reader.report(problem.help("write its name, as in name = \"testing\""));
    }
    Some(stage)
}

/// The first line of a stage is enough to point at.
fn first_key(node: &Node<'_>) -> Range<usize> {
    let keys = match node.get_ref() {
        DeValue::Table(table) => table.keys().map(toml::Spanned::span).min_by_key(|key| key.start),
        _ => None,
    };
    keys.unwrap_or_else(|| node.span())
}

fn jobs<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<BTreeMap<String, JobSettings>> {
    let entries = reader.entries(key, node, "write [pipeline.stage.jobs.NAME] for each job");
    if entries.is_empty() {
        let problem = Diagnostic::new(Code::MissingKey, &node.span(), "a stage without a job passes nothing");
        reader.report(problem.help("write [pipeline.stage.jobs.NAME] with its `run`"));
    }
    let mut jobs = BTreeMap::new();
    for (name, span, node) in entries {
        // A job is named as services are.
        if name.parse::<ServiceName>().is_err() {
            report_bad_name(reader, "job", name, &span);
        }
        if let Some(job) = job(reader, name, span, node) {
            jobs.insert(name.to_owned(), job);
        }
    }
    check_needs(reader, &jobs);
    check_reports(reader, &jobs);
    Some(jobs)
}

fn job<'t>(reader: &mut Reader, name: &str, span: Range<usize>, node: &'t Node<'t>) -> Option<JobSettings> {
    let place = format!("[pipeline.stage.jobs.{}]", shortened(name));
    let section = reader.section(node, place, &keys::JOB)?;
    if section.get("run").is_none() {
        let problem = Diagnostic::new(Code::MissingKey, &span, "a job without `run`");
        reader.report(problem.help("write what it runs, as in run = \"npm test\""));
    }
    let job = JobSettings {
        run: section.read(reader, "run", lines).unwrap_or_default(),
        needs: section.read(reader, "needs", |r, key, node| texts(r, key, node, &NAME)),
        timeout: section.read(reader, "timeout", |r, key, node| duration(r, key, node, MOMENT..=DAY)),
        attempt_timeout: section
            .read(reader, "attempt_timeout", |r, key, node| duration(r, key, node, MOMENT..=DAY)),
        retry: section.read(reader, "retry", retry),
        cache: section.read(reader, "cache", cache),
        reports: section.read(reader, "reports", reports),
        secrets: section.read(reader, "secrets", secrets),
        env: section.read(reader, "env", env),
        finally: section.read(reader, "finally", line),
        inputs: section.read(reader, "inputs", |r, key, node| texts(r, key, node, &FILE)),
        span,
    };
    if let (Some(one), Some(all)) = (&job.attempt_timeout, &job.timeout)
        && one.value > all.value
    {
        let message = "`attempt_timeout` is longer than `timeout`: no attempt can take so long";
        let problem = Diagnostic::new(Code::Conflict, &one.span, message);
        reader.report(problem.related(&all.span, "all attempts together"));
    }
    if let (Some(inputs), None) = (&job.inputs, &job.cache)
        && let Some(first) = inputs.first()
    {
        let problem = Diagnostic::new(Code::Conflict, &first.span, "`inputs` without `cache` says nothing");
        reader.report(problem.help("write cache = {} to skip the job while they have not changed"));
    }
    Some(job)
}

fn lines<'t>(reader: &mut Reader, key: &'static str, node: &'t Node<'t>) -> Option<Vec<Located<String>>> {
    if let DeValue::Array(elements) = node.get_ref() {
        if elements.is_empty() {
            let problem = Diagnostic::new(Code::BadValue, &node.span(), format!("`{key}` is empty"));
            reader.report(problem.label("expected a line for the shell"));
            return None;
        }
        return array(reader, key, node, "write lines for the shell", line);
    }
    line(reader, key, node).map(|line| vec![line])
}

fn line(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let line = text(reader, key, node, &TEXT)?;
    if line.value.trim().is_empty() || line.value.contains('\0') {
        let problem = Diagnostic::new(Code::BadValue, &line.span, format!("`{key}` is empty"));
        reader.report(problem.label("expected a line for the shell"));
        return None;
    }
    Some(line)
}

fn texts<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
    kind: &Kind,
) -> Option<Vec<Located<String>>> {
    let texts = array(reader, key, node, kind.help, |r, key, element| text(r, key, element, kind))?;
    report_repeated(reader, key, &texts);
    Some(texts)
}

pub(super) fn paths<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<String>>> {
    let read = |r: &mut Reader, key: &'static str, element: &'t Node<'t>| {
        let path: Located<RelativePath> = parsed(r, key, element, &FILE)?;
        Some(Located { value: path.value.to_string(), span: path.span })
    };
    let paths = array(reader, key, node, FILE.help, read)?;
    report_repeated(reader, key, &paths);
    Some(paths)
}

fn secrets<'t>(reader: &mut Reader, key: &'static str, node: &'t Node<'t>) -> Option<Vec<Located<String>>> {
    if !matches!(node.get_ref(), DeValue::Array(_)) {
        // Somebody may have written the secret itself.
        reader.hide(node);
    }
    let names = texts(reader, key, node, &TEXT)?;
    names.iter().for_each(|name| check_variable(reader, &name.value, &name.span));
    Some(names)
}

/// A job has no port and no instance of ours: only names that begin as ours do are taken.
fn check_variable(reader: &mut Reader, name: &str, span: &Range<usize>) {
    if !template::is_variable_name(name) {
        let message = format!("\"{}\" is not a name for a variable", shortened(name));
        reader.report(Diagnostic::new(Code::BadValue, span, message).label("expected a variable's name"));
    } else if name.starts_with("BASCULE_") {
        let message = format!("`{name}` is set by Bascule for each job");
        reader.report(Diagnostic::new(Code::BadValue, span, message).label("cannot be set"));
    }
}

/// As `env` elsewhere, but `${NAME}` is the shell's.
fn env(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<BTreeMap<String, Located<String>>> {
    reader.hide(node);
    let DeValue::Table(table) = node.get_ref() else {
        reader.wrong_type(key, node, "a table", "write env = { NAME = \"value\" }");
        return None;
    };
    let mut env = BTreeMap::new();
    for (name, value) in table {
        check_variable(reader, name.get_ref(), &name.span());
        if let Some(value) = text(reader, &shortened(name.get_ref()), value, &TEXT) {
            env.insert(name.get_ref().to_string(), value);
        }
    }
    Some(env)
}

fn retry<'t>(reader: &mut Reader, _: &'static str, node: &'t Node<'t>) -> Option<RetrySettings> {
    let section = reader.section(node, "`retry` of a job", &keys::RETRY)?;
    if section.get("on").is_none() {
        let problem = Diagnostic::new(Code::MissingKey, &node.span(), "`retry` without `on`");
        reader.report(problem.help(RETRIED.help));
    }
    let ends = |r: &mut Reader, key: &'static str, node: &'t Node<'t>| {
        array(r, key, node, RETRIED.help, |r, key, element| {
            let end = text(r, key, element, &RETRIED)?;
            let status = end.value.strip_prefix("exit:").and_then(|status| status.parse::<u8>().ok());
            let is_known = matches!(end.value.as_str(), "timeout" | "signal" | "exit");
            if is_known || status.is_some_and(|status| status != 0) {
                return Some(end);
            }
            let message = format!("`{key}`: \"{}\" is not {}", shortened(&end.value), RETRIED.what);
            reader_report(r, &end, message);
            None
        })
    };
    Some(RetrySettings {
        attempts: section.read(reader, "attempts", |r, key, node| number(r, key, node, 1..=20)),
        backoff: section.read(reader, "backoff", |r, key, node| {
            duration(r, key, node, crate::units::Duration::ZERO..=HOUR)
        }),
        on: section.read(reader, "on", ends).unwrap_or_default(),
    })
}

fn reader_report(reader: &mut Reader, end: &Located<String>, message: String) {
    reader.report(Diagnostic::new(Code::BadValue, &end.span, message).help(RETRIED.help));
}

fn cache<'t>(reader: &mut Reader, _: &'static str, node: &'t Node<'t>) -> Option<CacheSettings> {
    let section = reader.section(node, "`cache` of a job", &keys::JOB_CACHE)?;
    let names = |r: &mut Reader, key: &'static str, node: &'t Node<'t>| {
        let names = texts(r, key, node, &TEXT)?;
        names.iter().for_each(|name| check_variable(r, &name.value, &name.span));
        Some(names)
    };
    let cache = CacheSettings {
        key: section.read(reader, "key", paths),
        paths: section.read(reader, "paths", paths),
        env: section.read(reader, "env", names),
        tools: section.read(reader, "tools", lines),
    };
    if cache.key.is_some() && cache.paths.is_none() {
        let problem = Diagnostic::new(Code::Conflict, &node.span(), "`key` without `paths` says nothing");
        reader.report(problem.help("write which paths it keeps, as in paths = [\"node_modules\"]"));
    }
    Some(cache)
}

/// Jobs that are needed and are not there, and those that wait for each other.
fn check_needs(reader: &mut Reader, jobs: &BTreeMap<String, JobSettings>) {
    for (name, job) in jobs {
        for need in job.needs.iter().flatten() {
            if need.value == *name {
                let problem = Diagnostic::new(Code::Conflict, &need.span, format!("`{name}` needs itself"));
                reader.report(problem.label("leave it out"));
            } else if !jobs.contains_key(&need.value) {
                let message = format!("the stage has no job \"{}\"", shortened(&need.value));
                let problem = Diagnostic::new(Code::BadValue, &need.span, message);
                let known = jobs.keys().map(String::as_str);
                let problem = match nearest(&need.value, known.clone()) {
                    Some(meant) => problem.label(format!("did you mean \"{meant}\"?")),
                    None => problem.label("not in this stage"),
                };
                let help =
                    format!("its jobs are {}; a stage waits for the stages before it anyway", list(known));
                reader.report(problem.help(help));
            }
        }
    }
    // What can be begun is taken away until nothing more can: what is left waits for itself.
    let mut left: BTreeMap<&String, &JobSettings> = jobs.iter().collect();
    loop {
        let ready: Vec<&String> = left
            .iter()
            .filter(|(name, job)| {
                job.needs
                    .iter()
                    .flatten()
                    .all(|need| need.value == ***name || !left.contains_key(&need.value))
            })
            .map(|(name, _)| *name)
            .collect();
        if ready.is_empty() {
            break;
        }
        for name in ready {
            left.remove(name);
        }
    }
    let names: Vec<&str> = left.keys().map(|name| name.as_str()).collect();
    if let Some((_, first)) = left.iter().next() {
        let span = first.needs.iter().flatten().next().map_or(first.span.clone(), |need| need.span.clone());
        let message = format!("the jobs {} wait for each other", list(names));
        reader.report(Diagnostic::new(Code::Conflict, &span, message).label("no job can begin"));
    }
}

/// What stages are to each other.
fn check_stages(reader: &mut Reader, stages: &[StageSettings], environments: &[&str]) {
    for (at, stage) in stages.iter().enumerate() {
        let same = |other: &&StageSettings| other.title() == stage.title();
        if let Some(first) = stages[..at].iter().find(same) {
            let message = format!("two stages are called \"{}\"", shortened(stage.title()));
            let problem = Diagnostic::new(Code::Conflict, &stage.span, message);
            reader.report(problem.label("give it another name").related(&first.span, "first here"));
        }
        if let Some(build) = &stage.build {
            if let Some(first) = stages[..at].iter().find_map(|other| other.build.as_ref()) {
                let problem = Diagnostic::new(Code::Conflict, &build.span, "a pipeline builds once");
                let problem = problem.label("leave it out").related(&first.span, "first here");
                reader.report(problem.help("every later stage deploys the same artifact"));
            } else if let Some(deploy) = stages[..at].iter().find_map(|other| other.deploy.as_ref()) {
                let problem = Diagnostic::new(Code::Conflict, &build.span, "`build` after `deploy`");
                let problem = problem.related(&deploy.span, "this deploys something else");
                reader.report(problem.help("build first: what is deployed is what was built"));
            }
        }
        let Some(deploy) = &stage.deploy else { continue };
        if !environments.contains(&deploy.value.as_str()) {
            let message = format!("there is no environment \"{}\"", deploy.value);
            let problem = Diagnostic::new(Code::UnknownEnvironment, &deploy.span, message);
            let problem = match nearest(deploy.value.as_str(), environments.iter().copied()) {
                Some(meant) => problem.label(format!("did you mean \"{meant}\"?")),
                None => problem.label("not in the manifest"),
            };
            reader.report(problem.help(format!("write [environments.{}]", deploy.value)));
        }
        if stages.iter().all(|other| other.build.is_none()) {
            let message = "a stage deploys, and none before it builds";
            let problem = Diagnostic::new(Code::Conflict, &deploy.span, message);
            reader.report(problem.help("write a stage with build = true before it"));
        }
    }
}
