//! `pipeline-runner`: carries a run of a pipeline out. The control plane starts it; what is secret comes on standard input.

use std::io::Read as _;
use std::path::Path;

use async_trait::async_trait;
use bascule_model::gate::PipelineRecord;
use bascule_model::ids::RunId;
use bascule_model::manifest::Gates;
use bascule_model::problem::{Code, Exit, Problem};
use bascule_model::run::Outcome;
use bascule_pipeline::folder::RunFolder;
use bascule_pipeline::private::Private;
use bascule_pipeline::runner::{self, Deploy, Outside, Surroundings};
use bascule_server::api::{
    AbortRequest, ArtifactMade, DeployRequest, HistoryEntry, RunReport, Started, WishRequest,
};

use zeroize::Zeroizing;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::gates::{self, Base, Judging, Place};
use crate::query::{self, encoded};

const AFTER_HELP: &str = "\
Examples:
  bascule pipeline-runner $RUN    the control plane starts it like this";

/// How often it is asked whether a deploy is over.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);
/// So often a call is made again whose control plane was killed in its middle.
const ATTEMPTS: u32 = 20;

/// Options of `pipeline-runner`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run: String,
}

/// Runs it until the run is over.
///
/// # Errors
/// When it cannot go on: the control plane begins another one then.
pub fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    // Refused only to the leader of a process group, which has left its caller already.
    let _ = rustix::process::setsid();
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut text).map_err(Failure::Output)?;
    let private: Private = serde_json::from_str(&text).map_err(|error| no_request(&error))?;
    let folder = RunFolder::of(&context.state()?, &args.run);
    let now = || context.machine.now();
    context.block_on(async {
        let plan = folder.read_plan().map_err(Problem::from)?;
        let project = folder.checkout().join(&plan.prefix);
        let commit = (!plan.dirty).then_some(plan.commit.as_str());
        let outside = ThroughControlPlane { context, private: &private, folder: &folder, commit };
        let base = match &plan.gates_of {
            Some(environment) if private.missing.is_none() => {
                outside.base(&plan.app, environment, &plan.gates).await?
            }
            _ => Base::Unknown,
        };
        let judge = Judging { gates: &plan.gates, project: &project, base, commit, now: &now };
        let around = Surroundings { outside: &outside, judge: &judge, now: &now };
        runner::run(&folder, &private, &around).await.map_err(Problem::from)?;
        Ok(Exit::Done.status())
    })
}

fn no_request(error: &serde_json::Error) -> Problem {
    // The error's own words may have a value in them.
    let place = format!("line {}, column {}", error.line(), error.column());
    Problem::new(
        Code::Usage,
        format!("what the runner is to run with does not come on its standard input ({place})"),
        "`bascule ship` and `bascule pipeline run` begin runs",
    )
}

/// The control plane, started again where it is not there.
struct ThroughControlPlane<'a> {
    context: &'a Context,
    private: &'a Private,
    folder: &'a RunFolder,
    /// The commit; none: the files as they are.
    commit: Option<&'a str>,
}

impl ThroughControlPlane<'_> {
    fn wish(&self, environment: &str, project: &Path) -> Result<WishRequest, Problem> {
        let wish = self.private.wishes.get(environment).cloned().unwrap_or_default();
        let wish: WishRequest = serde_json::from_value(wish).map_err(|_| {
            Problem::new(
                Code::Internal,
                format!("what {environment} is to run did not reach the runner"),
                "ship again",
            )
        })?;
        Ok(WishRequest { project: project.to_owned(), ..wish })
    }

    async fn base(&self, app: &str, environment: &str, gates: &Gates) -> Result<Base, Problem> {
        if !Base::is_needed(gates) {
            return Ok(Base::Unknown);
        }
        let key = format!("{app}/{environment}");
        self.insist(async |control_plane| Base::ask(&control_plane, &key).await).await
    }

    /// Whether all gates of the environment let the run's reports pass, those too that no stage has decided.
    async fn admitted(&self, wish: &WishRequest, project: &Path) -> Result<(), Problem> {
        let environment = &wish.environment;
        if environment.gates.is_empty() {
            return Ok(());
        }
        let path = self.folder.record();
        let unreadable = |error: &dyn std::fmt::Display| {
            let message = format!("the record of the run, {}, cannot be read: {error}", path.display());
            Problem::new(Code::StateUnusable, message, "ship again")
        };
        let record = std::fs::read(&path).map_err(|error| unreadable(&error))?;
        let record: PipelineRecord = serde_json::from_slice(&record).map_err(|error| unreadable(&error))?;
        let name = environment.name.as_str();
        let base = self.base(environment.app.as_str(), name, &environment.gates).await?;
        let changed = base.changed(project, self.commit);
        let reports = gates::take(self.folder.path(), record.reports)?;
        let place = Place { project, changed, waivers: project };
        let decisions = gates::judge(&environment.gates, &reports, &place, self.context.machine.now());
        match bascule_pipeline::next::refusal(name, &decisions) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Makes a call again whose control plane went away in its middle.
    async fn insist<T>(
        &self,
        call: impl AsyncFn(ControlPlane<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut attempts = 0;
        loop {
            let answer = match ControlPlane::reach(self.context).await {
                Ok(control_plane) => call(control_plane).await,
                Err(problem) => Err(problem),
            };
            attempts += 1;
            match answer {
                Err(problem) if problem.code == Code::ControlPlaneUnavailable && attempts < ATTEMPTS => {
                    tokio::time::sleep(LOOK).await;
                }
                answer => return answer,
            }
        }
    }
}

/// The deploy that somebody of that name has asked for, where there is one.
async fn known(control_plane: &ControlPlane<'_>, key: &str, actor: &str) -> Result<Option<String>, Problem> {
    let path = query::path("/v1/history", &[("key", key), ("limit", "100")]);
    let runs: Vec<HistoryEntry> = control_plane.get(&path).await?;
    Ok(runs.iter().find(|entry| entry.actor == actor).map(|entry| entry.run.to_string()))
}

#[async_trait(?Send)]
impl Outside for ThroughControlPlane<'_> {
    async fn artifact(&self, environment: &str, project: &Path) -> Result<String, Problem> {
        let wish = self.wish(environment, project)?;
        let made = self.insist(async |control_plane| {
            control_plane.client().post::<ArtifactMade>("/v1/artifact", &wish).await
        });
        Ok(made.await?.artifact)
    }

    async fn deploy(&self, deploy: &Deploy) -> Result<String, Problem> {
        let wish = self.wish(&deploy.environment, &deploy.project)?;
        let key = wish.environment.key().to_string();
        let wish = WishRequest {
            artifact: Some(deploy.artifact.clone()),
            provenance: Some(deploy.provenance.clone()),
            ..wish
        };
        let request = DeployRequest { wish, plan: None, actor: deploy.actor.clone() };
        // What was asked for before a runner died was admitted then.
        let begun =
            self.insist(async |control_plane| known(&control_plane, &key, &request.actor).await).await?;
        if let Some(run) = begun {
            return Ok(run);
        }
        self.admitted(&request.wish, &deploy.project).await?;
        self.insist(async |control_plane| {
            // A connection may have broken after it was asked for.
            if let Some(run) = known(&control_plane, &key, &request.actor).await? {
                return Ok(run);
            }
            let started: Started = control_plane.client().post("/v1/deploy", &request).await?;
            Ok(started.run.to_string())
        })
        .await
    }

    async fn asked_for(&self, deploy: &Deploy) -> Result<Option<String>, Problem> {
        let wish = self.wish(&deploy.environment, &deploy.project)?;
        let key = wish.environment.key().to_string();
        self.insist(async |control_plane| known(&control_plane, &key, &deploy.actor).await).await
    }

    async fn deployed(&self, run: &str) -> Result<(), Problem> {
        let path = format!("/v1/runs/{}", encoded(run));
        loop {
            let report: RunReport = self.insist(async |control_plane| control_plane.get(&path).await).await?;
            let Some(outcome) = report.outcome else {
                tokio::time::sleep(LOOK).await;
                continue;
            };
            let error = outcome.error.unwrap_or_else(|| {
                let run = RunId::from_text(run);
                Problem::new(
                    Code::Internal,
                    format!("the deploy ended {}", outcome.outcome.as_str()),
                    format!("`bascule run show {run}` says why"),
                )
            });
            return match outcome.outcome {
                Outcome::Live => Ok(()),
                other => {
                    let message = format!(
                        "the deploy {run} ended {}: {}",
                        other.as_str().replace('_', " "),
                        error.message
                    );
                    Err(Problem { message, ..error })
                }
            };
        }
    }

    async fn abort(&self, run: &str) -> Result<(), Problem> {
        let request = AbortRequest { actor: self.context.machine.actor() };
        let path = format!("/v1/runs/{}/abort", encoded(run));
        let _: serde_json::Value =
            self.insist(async |control_plane| control_plane.client().post(&path, &request).await).await?;
        Ok(())
    }
}
