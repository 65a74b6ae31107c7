//! The stages that the control plane has a part in: the build of the artifact, and a deploy.

use bascule_model::gate::Provenance;
use bascule_model::problem::Problem;

use super::{Deploy, Runner, Surroundings, aborted};
use crate::error::PipelineError;
use crate::event::Event;
use crate::plan::Work;

impl Runner<'_> {
    pub(super) async fn build(&self, stage: &str, around: &Surroundings<'_>) -> Result<(), PipelineError> {
        let Some(Work::Build(environment)) = self.plan.stage(stage).map(|stage| &stage.work) else {
            return Ok(());
        };
        let project = self.project();
        let made = tokio::select! {
            made = around.outside.artifact(environment, &project) => made,
            () = self.asked_to_end() => Err(aborted("somebody")),
        };
        let stage = stage.to_owned();
        self.record(match made {
            Ok(artifact) => {
                vec![
                    Event::ArtifactMade { stage: stage.clone(), artifact },
                    Event::WorkDone { stage, problem: None },
                ]
            }
            Err(problem) => {
                vec![Event::WorkDone { stage: stage.clone(), problem: Some(within(&stage, problem)) }]
            }
        })
    }

    pub(super) async fn deploy(&self, stage: &str, around: &Surroundings<'_>) -> Result<(), PipelineError> {
        let Some(Work::Deploy(environment)) = self.plan.stage(stage).map(|stage| &stage.work) else {
            return Ok(());
        };
        let (known, artifact, is_aborted) = {
            let state = &self.log.borrow().state;
            let known = state.stages.get(stage).and_then(|it| it.deploy.clone()).flatten();
            (known, state.artifact.clone(), state.abort.is_some())
        };
        let deploy = Deploy {
            environment: environment.clone(),
            project: self.project(),
            artifact: artifact.unwrap_or_default(),
            provenance: Provenance {
                commit: self.plan.commit.clone(),
                dirty: self.plan.dirty,
                pipeline: Some(self.plan.run.clone()),
            },
            actor: format!("{} ({})", self.plan.actor, self.plan.run),
        };
        // What the deploy rests on is on the disk, also where the last runner died before it wrote what its last stage came to.
        self.write_record()?;
        let run = match known {
            Some(run) => Ok(Some(run)),
            None if is_aborted => around.outside.asked_for(&deploy).await,
            None => {
                self.record(vec![Event::DeployBegan {
                    stage: stage.to_owned(),
                    environment: environment.clone(),
                }])?;
                around.outside.deploy(&deploy).await.map(Some)
            }
        };
        let done = match run {
            Ok(Some(run)) => {
                self.record(vec![Event::DeployRuns { stage: stage.to_owned(), run: run.clone() }])?;
                self.see_the_end_of(&run, around).await
            }
            Ok(None) => Err(aborted("somebody")),
            Err(problem) => Err(problem),
        };
        let problem = done.err().map(|problem| within(stage, problem));
        self.record(vec![Event::WorkDone { stage: stage.to_owned(), problem }])
    }

    /// Waits for what a deploy comes to; asks it to end when the run is to end.
    async fn see_the_end_of(&self, run: &str, around: &Surroundings<'_>) -> Result<(), Problem> {
        let ended = around.outside.deployed(run);
        tokio::pin!(ended);
        tokio::select! {
            done = &mut ended => done,
            () = self.asked_to_end() => {
                // One that is past the point of no return goes on, and says so.
                let _ = around.outside.abort(run).await;
                ended.await
            }
        }
    }
}

fn within(stage: &str, problem: Problem) -> Problem {
    Problem { message: format!("{stage}: {}", problem.message), ..problem }
}
