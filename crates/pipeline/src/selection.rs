//! From the manifest's pipeline to the stages of a plan: all of them, up to an environment, or one part.

use std::collections::BTreeSet;

use bascule_model::gate::ReportKind;
use bascule_model::manifest::{JobSettings, Located, Manifest, StageSettings};
use bascule_model::problem::{Code, Problem};
use bascule_model::units::Duration;

use crate::glob;
use crate::plan::{Cache, Job, Plan, Retry, Stage, Work};

/// All attempts of a job together.
const TIMEOUT: Duration = Duration::from_seconds(3_600);

/// Which part of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// From the first stage to the one that deploys to this environment; none: to the last.
    Ship(Option<String>),
    /// What needs no environment: the stages before the first that deploys.
    Checks,
    /// This stage, or this job with those that it needs.
    Part(String),
}

impl Plan {
    /// The stages of what is wanted.
    ///
    /// # Errors
    /// When the manifest has no pipeline, or not that part of one.
    pub fn stages_of(manifest: &Manifest, wanted: &Wanted) -> Result<Vec<Stage>, Problem> {
        let Some(pipeline) = &manifest.pipeline else { return Err(no_pipeline()) };
        let all = &pipeline.stage;
        let target = all.iter().find_map(|stage| stage.deploy.as_ref()).map(|found| found.value.to_string());
        let made: Vec<Stage> =
            all.iter().map(|stage| whole(stage, target.as_deref().unwrap_or(""))).collect();
        match wanted {
            Wanted::Ship(None) => Ok(made),
            Wanted::Ship(Some(environment)) => {
                let last = made.iter().position(|stage| stage.work == Work::Deploy(environment.clone()));
                let last =
                    last.ok_or_else(|| unknown(&format!("no stage deploys to {environment}"), &made))?;
                Ok(made.into_iter().take(last + 1).collect())
            }
            Wanted::Checks => {
                let is_check = |stage: &Stage| !matches!(stage.work, Work::Deploy(_));
                let without_target = |stage: &Stage| stage.work != Work::Build(String::new());
                Ok(made.into_iter().take_while(is_check).filter(without_target).collect())
            }
            Wanted::Part(name) => part(&made, name),
        }
    }
}

/// Whether `inputs` name what a commit can have: files of the repository. `prefix` is where the manifest is in it.
///
/// # Errors
/// The first that names something else.
pub fn check_inputs(stages: &[Stage], prefix: &str) -> Result<(), Problem> {
    let depth = prefix.split('/').filter(|name| !name.is_empty()).count();
    for stage in stages {
        for (job, input) in stage.jobs().iter().flat_map(|job| job.inputs.iter().map(move |it| (job, it))) {
            let parts: Vec<&str> = input.trim_start_matches("./").split('/').collect();
            let up = glob::ups(&parts);
            let why = if input.starts_with('/') {
                "is absolute"
            } else if up > depth {
                "is outside of the repository"
            } else if parts[up..].contains(&"..") {
                "has \"..\" in its middle"
            } else {
                continue;
            };
            return Err(Problem::new(
                Code::Usage,
                format!(
                    "the input {input} of the job {}/{} {why}, and no commit has it",
                    stage.name, job.name
                ),
                "name files of the repository, relative to the manifest's folder, as in \"../lib/**\"; what a job needs from \
                 elsewhere, a line of `cache.tools` can tell",
            ));
        }
    }
    Ok(())
}

fn part(made: &[Stage], name: &str) -> Result<Vec<Stage>, Problem> {
    if let Some(stage) = made.iter().find(|stage| stage.name == name) {
        if matches!(stage.work, Work::Deploy(_)) {
            return Err(Problem::new(
                Code::Usage,
                format!("the stage {name} deploys what a run has built, and cannot be run alone"),
                "run all that leads to it with `bascule ship --to ENV`",
            ));
        }
        return Ok(vec![stage.clone()]);
    }
    let holds = |stage: &&Stage| stage.jobs().iter().any(|job| job.name == name);
    let found: Vec<&Stage> = made.iter().filter(holds).collect();
    let [stage] = found.as_slice() else {
        let message = match found.len() {
            0 => format!("the pipeline has no stage and no job {name}"),
            _ => format!("several stages have a job {name}"),
        };
        return Err(unknown(&message, made));
    };
    let mut needed: BTreeSet<&str> = [name].into();
    loop {
        let more: Vec<&str> = stage
            .jobs()
            .iter()
            .filter(|job| needed.contains(job.name.as_str()))
            .flat_map(|job| job.needs.iter().map(String::as_str))
            .filter(|need| !needed.contains(need))
            .collect();
        if more.is_empty() {
            break;
        }
        needed.extend(more);
    }
    let jobs = stage.jobs().iter().filter(|job| needed.contains(job.name.as_str())).cloned().collect();
    Ok(vec![Stage { name: stage.name.clone(), work: Work::Jobs(jobs) }])
}

fn whole(settings: &StageSettings, target: &str) -> Stage {
    let work = match (&settings.jobs, &settings.deploy) {
        (Some(jobs), _) => Work::Jobs(jobs.iter().map(|(name, settings)| job(name, settings)).collect()),
        (None, Some(environment)) => Work::Deploy(environment.value.to_string()),
        (None, None) => Work::Build(target.to_owned()),
    };
    Stage { name: settings.title().to_owned(), work }
}

fn job(name: &str, settings: &JobSettings) -> Job {
    let timeout = settings.timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.value);
    let attempt = settings.attempt_timeout.as_ref().map_or(timeout, |timeout| timeout.value);
    let retry = settings.retry.as_ref();
    let env = settings.env.iter().flatten().map(|(name, value)| (name.clone(), value.value.clone()));
    Job {
        name: name.to_owned(),
        run: plain(&settings.run),
        needs: texts(settings.needs.as_ref()),
        timeout_ms: timeout.milliseconds(),
        attempt_timeout_ms: attempt.milliseconds(),
        retry: Retry {
            attempts: retry.map_or(1, |retry| retry.attempts.as_ref().map_or(2, |attempts| attempts.value)),
            backoff_ms: retry
                .and_then(|retry| retry.backoff.as_ref())
                .map_or(1_000, |backoff| backoff.value.milliseconds()),
            on: retry.map(|retry| plain(&retry.on)).unwrap_or_default(),
        },
        cache: settings.cache.as_ref().map(|cache| Cache {
            key: texts(cache.key.as_ref()),
            paths: texts(cache.paths.as_ref()),
            tools: texts(cache.tools.as_ref()),
        }),
        reports: reports(settings),
        secrets: texts(settings.secrets.as_ref()),
        env: env.collect(),
        given: settings.cache.as_ref().map(|cache| texts(cache.env.as_ref())).unwrap_or_default(),
        finally: settings.finally.as_ref().map(|line| line.value.clone()),
        inputs: texts(settings.inputs.as_ref()),
    }
}

fn reports(settings: &JobSettings) -> Vec<(ReportKind, String)> {
    let Some(reports) = &settings.reports else { return Vec::new() };
    let kinds = [
        (ReportKind::Coverage, &reports.coverage),
        (ReportKind::Tests, &reports.tests),
        (ReportKind::Security, &reports.security),
        (ReportKind::Load, &reports.load),
        (ReportKind::Custom, &reports.custom),
    ];
    kinds
        .into_iter()
        .flat_map(|(kind, paths)| texts(paths.as_ref()).into_iter().map(move |path| (kind, path)))
        .collect()
}

fn texts(list: Option<&Vec<Located<String>>>) -> Vec<String> {
    list.map(|list| plain(list)).unwrap_or_default()
}

fn plain(list: &[Located<String>]) -> Vec<String> {
    list.iter().map(|one| one.value.clone()).collect()
}

fn no_pipeline() -> Problem {
    Problem::new(
        Code::PipelineUnknown,
        "bascule.toml has no pipeline",
        "write its stages, as in\n\n  [[pipeline.stage]]\n  name = \"testing\"\n  [pipeline.stage.jobs.unit]\n  run = \"npm test\"\n\n  \
         [[pipeline.stage]]\n  build = true\n\n  [[pipeline.stage]]\n  deploy = \"staging\"\n\ndocs/pipeline.md has all keys",
    )
}

fn unknown(message: &str, made: &[Stage]) -> Problem {
    let names: Vec<&str> = made.iter().map(|stage| stage.name.as_str()).collect();
    Problem::new(Code::PipelineUnknown, message, format!("its stages are: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use bascule_model::manifest;

    use super::*;

    #[test]
    fn inputs_are_files_that_a_commit_can_have() {
        for (input, why) in [
            ("src/**", None),
            ("./src", None),
            ("../lib/**", None),
            ("../../lib", Some("is outside of the repository")),
            ("/etc/hosts", Some("is absolute")),
            ("src/../lib", Some("has \"..\" in its middle")),
        ] {
            let text = format!(
                "app = \"shop\"\nservices.web.command = \"true\"\nenvironments.staging = {{}}\n[[pipeline.stage]]\n\
                 name = \"checks\"\n[pipeline.stage.jobs.unit]\nrun = \"true\"\ncache = {{}}\ninputs = [{input:?}]\n"
            );
            let manifest = manifest::parse(&text, "bascule.toml").unwrap();
            let stages = Plan::stages_of(&manifest, &Wanted::Checks).unwrap();
            let said = check_inputs(&stages, "app/").err().map(|problem| problem.message);
            assert_eq!(
                said,
                why.map(|why| format!(
                    "the input {input} of the job checks/unit {why}, and no commit has it"
                )),
            );
        }
    }
}
