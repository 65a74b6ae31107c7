//! From a commit and this machine to what the control plane is asked for: the plan of a pipeline's run, and the values it runs with.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::Path;

use bascule_model::ids::EnvironmentName;
use bascule_model::manifest::{self, Manifest};
use bascule_model::problem::{Code, Problem};
use bascule_pipeline::plan::{Plan, Stage, Work};
use bascule_pipeline::private::Private;
use bascule_pipeline::{Commit, Wanted, check_inputs, committed_file, committed_names};
use bascule_secrets::redact::Standing;
use bascule_server::api::WishRequest;
use bascule_server::pipelines::api::{BeginPipeline, PipelineStarted};
use jiff::Timestamp;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::object_files::Files;
use crate::project::{MANIFEST, Project};
use crate::secrets;
use crate::watch::pipeline;

/// What every job gets of the caller's environment.
const SURROUNDINGS: [&str; 4] = ["PATH", "HOME", "LANG", "USER"];

/// What commands that begin a pipeline's run take.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// The commit, by whatever git knows it by [default: HEAD]
    #[arg(long, value_name = "REV", conflicts_with = "dirty")]
    commit: Option<String>,

    /// Take the folder as it stands, with what is not committed; that is recorded
    #[arg(long)]
    dirty: bool,

    /// Jobs that run at the same time [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
}

/// Begins a run and follows it to its end. Gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be, or it could not be followed.
pub fn ship(context: &Context, asked: &Asked, wanted: &Wanted) -> Result<u8, Failure> {
    let request = prepare(context, asked, wanted)?;
    context.block_on(async {
        let control_plane = ControlPlane::reach(context).await?;
        let started: PipelineStarted = control_plane.client().post("/v1/pipelines", &request).await?;
        pipeline::followed(context, &control_plane, &started.run).await
    })
}

fn prepare(context: &Context, asked: &Asked, wanted: &Wanted) -> Result<BeginPipeline, Failure> {
    let project = context.project()?;
    let variables = |name: &str| context.machine.variable(name);
    // A folder without a pipeline need not be a repository to be told so.
    if let Ok(manifest) = project.manifest() {
        Plan::stages_of(&manifest, wanted)?;
    }
    let revision = asked.commit.as_deref().unwrap_or("HEAD");
    let commit = Commit::find(&project.folder, revision).map_err(Problem::from)?;
    let manifest = if asked.dirty { project.manifest()? } else { committed(&project, &commit)? };
    if !asked.dirty && asked.commit.is_none() && commit.changed > 0 {
        let files = if commit.changed == 1 {
            "1 file is".to_owned()
        } else {
            format!("{} files are", commit.changed)
        };
        context
            .screen
            .note(&format!("{files} not as in the commit, and left out (--dirty takes them along)"));
    }
    let stages = Plan::stages_of(&manifest, wanted)?;
    check_inputs(&stages, &commit.prefix)?;
    let judged = judged(&manifest, wanted);
    let mut private = Private::default();
    for environment in environments(&stages) {
        let environment: EnvironmentName = environment.parse().map_err(|_| no_environment(environment))?;
        let committed = Committed { project: &project.folder, commit: &commit.id };
        let committed: Option<&dyn Files> = if asked.dirty { None } else { Some(&committed) };
        let resolved = project.resolve_manifest(&manifest, &environment, &variables, committed)?.environment;
        for (name, secret) in &resolved.secrets {
            let variable = name.as_str().rsplit('.').next().unwrap_or(name.as_str());
            // What was put into the store was meant to be a secret.
            let is_declared = resolved.secret_versions.contains_key(variable);
            let standing = if is_declared { Standing::Declared } else { Standing::Presumed };
            private.hide(&format!("{environment}.{name}"), secret.expose().render(|_| None), standing);
        }
        let wish = WishRequest::new(resolved, project.folder.clone());
        let wish = serde_json::to_value(wish).map_err(|error| Failure::Output(error.into()))?;
        private.wishes.insert(environment.to_string(), wish);
    }
    let given = stages.iter().flat_map(Stage::jobs).flat_map(|job| &job.given);
    private.given = given.filter_map(|name| Some((name.clone(), variables(name)?))).collect();
    private.secrets = job_secrets(&project, &manifest, &stages, &variables)?;
    let surroundings =
        SURROUNDINGS.into_iter().filter_map(|name| Some((name.to_owned(), variables(name)?))).collect();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let plan = Plan {
        run: String::new(),
        app: manifest.app.value.to_string(),
        commit: commit.id,
        dirty: asked.dirty && commit.changed > 0,
        project: project.folder,
        prefix: commit.prefix,
        actor: context.machine.actor(),
        began_at: Timestamp::UNIX_EPOCH,
        surroundings,
        jobs: asked.jobs.map_or(cores, NonZero::get),
        gates: manifest.gates_in(judged.as_ref()),
        gates_of: judged.map(|environment| environment.to_string()),
        stages,
    };
    Ok(BeginPipeline { plan, private })
}

/// The environment whose gates decide over the stages before it: the first that is deployed to, or the one that is wanted.
fn judged(manifest: &Manifest, wanted: &Wanted) -> Option<EnvironmentName> {
    if let Wanted::Ship(Some(environment)) = wanted {
        return environment.parse().ok();
    }
    let stages = manifest.pipeline.iter().flat_map(|pipeline| &pipeline.stage);
    stages.filter_map(|stage| stage.deploy.as_ref()).map(|found| found.value.clone()).next()
}

/// Files as they are in a commit.
struct Committed<'a> {
    project: &'a Path,
    commit: &'a str,
}

impl Files for Committed<'_> {
    fn names(&self, folder: &str) -> Vec<String> {
        committed_names(self.project, self.commit, folder)
    }

    fn text(&self, path: &str) -> Result<String, String> {
        committed_file(self.project, self.commit, path)
            .ok_or_else(|| "the commit does not have it".to_owned())
    }
}

/// The manifest as it is in the commit.
fn committed(project: &Project, commit: &Commit) -> Result<Manifest, Failure> {
    let text = committed_file(&project.folder, &commit.id, MANIFEST).ok_or_else(|| {
        Problem::new(
            Code::ManifestUnreadable,
            format!(
                "the commit {} has no {MANIFEST} in this folder",
                commit.id.get(..12).unwrap_or(&commit.id)
            ),
            "commit it, or take the folder as it stands with --dirty",
        )
    })?;
    Ok(manifest::parse(&text, MANIFEST)?)
}

/// The environments that the artifact is made for and deployed to.
fn environments(stages: &[Stage]) -> BTreeSet<&str> {
    let named = stages.iter().filter_map(|stage| match &stage.work {
        Work::Build(environment) | Work::Deploy(environment) => Some(environment.as_str()),
        Work::Jobs(_) => None,
    });
    named.collect()
}

fn no_environment(name: &str) -> Problem {
    let message = if name.is_empty() {
        "the pipeline builds and deploys nowhere: it is not known for which environment".to_owned()
    } else {
        format!("\"{name}\" is no environment")
    };
    Problem::new(Code::PipelineUnknown, message, "write a stage with deploy = \"staging\" after it")
}

/// The values of the secrets that jobs name: the caller's own first, then those of the environment that is deployed to first.
fn job_secrets(
    project: &Project,
    manifest: &Manifest,
    stages: &[Stage],
    variables: secrets::Variables<'_>,
) -> Result<BTreeMap<String, String>, Failure> {
    let names: BTreeSet<&String> =
        stages.iter().flat_map(Stage::jobs).flat_map(|job| job.secrets.iter()).collect();
    let mut values = BTreeMap::new();
    let first =
        manifest.pipeline.iter().flat_map(|pipeline| &pipeline.stage).find_map(|it| it.deploy.as_ref());
    let environment = first.map(|first| &first.value).or_else(|| manifest.environments.keys().next());
    let mut fetched = None;
    for name in names {
        if let Some(value) = variables(name) {
            values.insert(name.clone(), value);
            continue;
        }
        if fetched.is_none()
            && let Some(environment) = environment
        {
            fetched = Some(secrets::fetch(&project.folder, manifest, environment, variables)?);
        }
        let found = fetched.as_ref().and_then(|fetched| fetched.values.get(name));
        let found = found.ok_or_else(|| {
            Problem::new(
                Code::SecretUnavailable,
                format!("a job wants the secret {name}, and nobody has it"),
                match environment {
                    Some(environment) => format!(
                        "put it into the store with `bascule secret set {environment} {name}`, name its source in [secrets], or set the variable"
                    ),
                    None => format!("set the variable {name}"),
                },
            )
        })?;
        values.insert(name.clone(), found.value.clone());
    }
    Ok(values)
}
