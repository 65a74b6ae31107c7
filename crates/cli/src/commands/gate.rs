//! `gate`: what each gate of an environment says of the newest reports, and what would make it pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bascule_gates::render;
use bascule_model::gate::{Decision, PipelineRecord, Report, ReportKind};
use bascule_model::ids::EnvironmentName;
use bascule_model::plan::hex;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_pipeline::Commit;
use bascule_pipeline::folder::RunFolder;
use clap::ValueEnum;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::gates::{self, Base, Place, Taken};
use crate::screen::Format;
use crate::text::escape;

const AFTER_HELP: &str = "\
Examples:
  bascule gate production                                the newest run on this commit
  bascule gate production --run ship-1m84kfjq81p         a certain one
  bascule gate staging --report coverage=lcov.info       files, without a pipeline
  bascule gate production --format markdown              for a CI system's page";

/// How decisions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Text,
    Junit,
    Sarif,
    Markdown,
}

/// A report that is named on the command line.
#[derive(Debug, Clone)]
struct Named {
    kind: ReportKind,
    path: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once('=').ok_or("write KIND=FILE, as in coverage=lcov.info")?;
        let all = [
            ReportKind::Coverage,
            ReportKind::Tests,
            ReportKind::Security,
            ReportKind::Load,
            ReportKind::Custom,
        ];
        let found = all.into_iter().find(|one| one.as_str() == kind);
        let kind = found.ok_or("the kinds are coverage, tests, security, load and custom")?;
        Ok(Self { kind, path: path.into() })
    }
}

/// Options of `gate`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The environment whose gates are asked
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,

    /// The run whose reports are read [default: the newest on the commit]
    #[arg(long, value_name = "RUN", conflicts_with_all = ["commit", "report"])]
    run: Option<String>,

    /// The commit whose newest run is read [default: HEAD]
    #[arg(long, value_name = "REV", conflicts_with = "report")]
    commit: Option<String>,

    /// Judge this file instead; can be given several times
    #[arg(long, value_name = "KIND=FILE")]
    report: Vec<Named>,

    /// How it is printed
    #[arg(
        long,
        value_name = "text|junit|sarif|markdown",
        default_value = "text",
        hide_possible_values = true
    )]
    format: Shape,
}

/// What is judged.
struct Judged {
    /// The run; none: files were named.
    run: Option<String>,
    commit: Option<String>,
    dirty: bool,
    reports: Vec<Taken>,
    /// Where the jobs saw the project.
    project: PathBuf,
}

/// Runs it; a gate in the way is an answer, with exit status 4.
///
/// # Errors
/// The manifest's mistakes; that there are no gates, no such run, or reports that were changed.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let project = context.project()?;
    let manifest = project.manifest()?;
    if !manifest.environments.contains_key(&args.environment) {
        let names: Vec<String> = manifest.environments.keys().map(ToString::to_string).collect();
        let message = format!("{} has no environment {}", manifest.app.value, args.environment);
        return Err(Problem::new(Code::Usage, message, format!("it has {}", names.join(", "))).into());
    }
    let gates = manifest.gates_in(Some(&args.environment));
    if gates.is_empty() {
        return Err(Problem::new(
            Code::Usage,
            format!("{} has no gates", args.environment),
            "write [gates] into bascule.toml, as in coverage = \">= 80%\"",
        )
        .into());
    }
    let app = manifest.app.value.to_string();
    let judged = if args.report.is_empty() {
        of_run(args, context, &app, &project.folder)?
    } else {
        of_files(args, context, &project.folder)
    };
    let key = format!("{app}/{}", args.environment);
    // Only gates over changed lines have to know what is live: nobody else starts a control plane for it.
    let base = if Base::is_needed(&gates) {
        context.block_on(async {
            let control_plane = ControlPlane::reach(context).await?;
            Ok(Base::ask(&control_plane, &key).await?)
        })?
    } else {
        Base::Unknown
    };
    let commit = judged.commit.as_deref().filter(|_| !judged.dirty);
    let changed = base.changed(&project.folder, commit);
    let place = Place { project: &judged.project, changed, waivers: &project.folder };
    let decisions = gates::judge(&gates, &judged.reports, &place, context.machine.now());
    show(args, context, &judged, &decisions)?;
    let passed = !decisions.iter().any(Decision::blocks);
    Ok(if passed { Exit::Done.status() } else { Exit::Refused.status() })
}

fn show(args: &Args, context: &Context, judged: &Judged, decisions: &[Decision]) -> Result<(), Failure> {
    if context.screen.format == Format::Json {
        return context.screen.json(&json!({
            "environment": args.environment,
            "run": judged.run,
            "commit": judged.commit,
            "dirty": judged.dirty,
            "passed": !decisions.iter().any(Decision::blocks),
            "decisions": decisions,
        }));
    }
    let text = match args.format {
        // Names of tests and files are of somebody else's writing.
        Shape::Text => escape::lines(&render::text(decisions)),
        Shape::Junit => render::junit(decisions),
        Shape::Markdown => render::markdown(decisions),
        Shape::Sarif => format!("{:#}\n", render::sarif(decisions, env!("CARGO_PKG_VERSION"))),
    };
    context.screen.out(&text)
}

/// The newest run of the app on the commit, or the one that is named.
fn of_run(args: &Args, context: &Context, app: &str, project: &Path) -> Result<Judged, Failure> {
    let state = context.state()?;
    let commit = match &args.run {
        Some(_) => None,
        None => {
            let revision = args.commit.as_deref().unwrap_or("HEAD");
            Some(Commit::find(project, revision).map_err(Problem::from)?.id)
        }
    };
    let mut newest: Option<PipelineRecord> = None;
    for entry in fs::read_dir(state.join("pipelines")).into_iter().flatten().flatten() {
        let record = fs::read(entry.path().join("record.json")).ok();
        let Some(record) = record.and_then(|bytes| serde_json::from_slice::<PipelineRecord>(&bytes).ok())
        else {
            continue;
        };
        let is_meant = match (&args.run, &commit) {
            (Some(run), _) => record.run == *run,
            (None, Some(commit)) => record.app == app && record.commit == *commit,
            (None, None) => false,
        };
        let is_newer = newest.as_ref().is_none_or(|newest| newest.began_at < record.began_at);
        if is_meant && is_newer {
            newest = Some(record);
        }
    }
    let record = newest.ok_or_else(|| {
        let what = match (&args.run, &commit) {
            (Some(run), _) => format!("there is no run {run}"),
            (_, commit) => format!(
                "no pipeline has run on the commit {}",
                commit.as_deref().and_then(|commit| commit.get(..12)).unwrap_or("HEAD")
            ),
        };
        Problem::new(
            Code::PipelineUnknown,
            what,
            "`bascule pipeline run` runs the checks; `bascule pipeline list` has the runs; --report KIND=FILE judges files",
        )
    })?;
    let folder = RunFolder::of(&state, &record.run);
    let plan = folder.read_plan().map_err(Problem::from)?;
    Ok(Judged {
        run: Some(record.run),
        commit: Some(record.commit),
        dirty: record.dirty,
        reports: gates::take(folder.path(), record.reports)?,
        project: folder.checkout().join(&plan.prefix),
    })
}

/// Files that were named. Each is read once: what is judged is what its digest says.
fn of_files(args: &Args, context: &Context, project: &Path) -> Judged {
    let folder = context.machine.current_folder();
    let reports = args.report.iter().map(|named| {
        let bytes = fs::read(folder.join(&named.path)).ok();
        let path = named.path.to_string_lossy().into_owned();
        let report = Report {
            kind: named.kind,
            stage: String::new(),
            job: String::new(),
            file: bytes.as_ref().map(|_| path.clone()),
            digest: bytes.as_ref().map(|bytes| hex(&Sha256::digest(bytes))),
            bytes: bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            taken_at: taken_at(&folder.join(&named.path)).unwrap_or_else(|| context.machine.now()),
            path,
        };
        (report, bytes)
    });
    Judged {
        run: None,
        commit: Commit::find(project, "HEAD").ok().map(|commit| commit.id),
        dirty: true,
        reports: reports.collect(),
        project: project.to_owned(),
    }
}

/// When a file was last written.
fn taken_at(path: &Path) -> Option<jiff::Timestamp> {
    jiff::Timestamp::try_from(fs::metadata(path).ok()?.modified().ok()?).ok()
}
