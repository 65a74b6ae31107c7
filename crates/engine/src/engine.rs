//! What the front ends call: plan, deploy, roll back, retire, stop, abort, resolve, recover.

mod runs;
mod standing;

use std::path::PathBuf;
use std::sync::Arc;

use bascule_journal::{EnvironmentRecord, Journal, JournalError, ReleaseRecord, RunRecord, Standard};
use bascule_model::evidence::CheckResult;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, RunId, Slot};
use bascule_model::plan::{ArtifactPlan, Plan, RunKind, Standing};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Configuration, Release};
use bascule_model::run::Outcome;
use bascule_secrets::redact::Redactor;

use crate::admission::{Admission, Everything, Prepared};
use crate::context::{Loaded, Ports};
use crate::draft::Wish;
use crate::driving::{Driving, Entry};
use crate::executor::Drive;
use crate::home::Seat;
use crate::planner::{self, Facts};
use crate::ports::{Artifacts, SlotSpec};
use crate::progress::Progress;
use crate::promotion::{self, Settled};
use crate::redaction;
use crate::schema::{self, schema_needed};
use crate::steps::{self, Warmth};
use crate::store::Store;
use crate::tidying;
use crate::turns::Turns;
use crate::unreleased::Unreleased;

/// Names runs.
pub trait RunIds: Send + Sync {
    /// A new name; later ones sort after earlier ones.
    fn next(&self) -> RunId;
}

/// The engine.
pub struct Engine {
    pub(crate) ports: Ports,
    pub(crate) journal: Arc<dyn Journal>,
    ids: Arc<dyn RunIds>,
    pub(crate) seat: Seat,
    pub(crate) logs: PathBuf,
    progress: Progress,
    driving: Driving,
    pub(crate) taking_over: Turns,
    /// Who prunes an environment, and runs that are about to make something there.
    pub(crate) pruning: Turns,
    pub(crate) unreleased: Unreleased,
    pub(crate) store: Arc<Store>,
}

/// A run that was begun, to be driven.
pub struct Begun {
    /// Its name.
    pub run: RunId,
    drive: Box<Drive>,
    entry: Entry,
}

impl Begun {
    /// Ends the run without touching the world, where nothing of what it made is left. `home`: where the environment was last.
    /// Answers the generation under which that was written.
    pub(crate) async fn end_as_gone(
        &mut self,
        home: Option<String>,
        by: &str,
    ) -> Result<Generation, Problem> {
        self.drive.end_as_gone(home, by).await
    }
}

impl Engine {
    /// An engine with its outside. `seat` names this one running engine; `logs` is where build output goes.
    #[must_use]
    pub fn new(
        ports: Ports,
        journal: Arc<dyn Journal>,
        ids: Arc<dyn RunIds>,
        seat: Seat,
        logs: PathBuf,
    ) -> Self {
        let store = Arc::new(Store::new(ports.artifacts));
        Self {
            ports: Ports { artifacts: Arc::clone(&store) as Arc<dyn Artifacts>, ..ports },
            journal,
            ids,
            seat,
            logs,
            progress: Progress::default(),
            driving: Driving::default(),
            taking_over: Turns::default(),
            pruning: Turns::default(),
            unreleased: Unreleased::default(),
            store,
        }
    }

    /// The store.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The outside.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// What happens in all runs.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What a deploy would do.
    ///
    /// # Errors
    /// When the artifact's files are not there, or the journal cannot be read.
    pub async fn plan_deploy(&self, wish: &Wish) -> Result<Plan, Problem> {
        Ok(self.prepare_deploy(wish).await?.plan)
    }

    /// A release as it would be deployed now, with its plan. Nothing is written.
    ///
    /// # Errors
    /// When its artifact is not there or is not the one that the environment takes, or the journal cannot be read.
    pub async fn prepare_deploy(&self, wish: &Wish) -> Result<Prepared, Problem> {
        let environment = self.environment(wish.key()).await?;
        let settled = self.settled_there(wish).await?;
        let chosen = promotion::chosen(wish, settled.as_ref())?;
        let artifact = match &chosen {
            Some(digest) => {
                steps::check_stored(&self.ports, digest, &wish.configuration).await?;
                ArtifactPlan::Store { digest: digest.clone() }
            }
            None => {
                let surveyed = self.ports.artifacts.survey(&wish.source, &wish.configuration).await;
                surveyed.map_err(Problem::from)?
            }
        };
        let live = self.live_release(&environment).await?;
        let surveyed = self.survey_schema(wish, &environment, live.as_ref()).await?;
        if let Some(settled) = &settled {
            promotion::same_migrations(wish, settled, surveyed.as_ref().map(|surveyed| &surveyed.schema))?;
        }
        let mut release = wish.release.clone();
        release.artifact = chosen.unwrap_or_default();
        release.provenance = promotion::provenance(wish, settled.as_ref());
        release.number = environment.last_number + 1;
        release.schema = surveyed.as_ref().map(|surveyed| surveyed.schema.clone());
        let set = release.schema.as_ref().map_or("", |schema| schema.set.as_str());
        let content = bascule_model::plan::hex(&<sha2::Sha256 as sha2::Digest>::digest(format!(
            "{}{}{set}",
            release.content,
            artifact.fingerprint()
        )));
        release.id = ReleaseId::new(release.number, &content);
        let mut warnings = self.ports.target.warnings(&release).await;
        warnings.extend(settled.as_ref().and_then(|settled| promotion::note(wish, settled)));
        let schema_needed = surveyed.as_ref().map(schema_needed).unwrap_or_default();
        let schema = surveyed.map(|surveyed| {
            warnings.extend(surveyed.notes);
            surveyed.plan
        });
        let plan = planner::bring_live(Facts {
            kind: RunKind::Deploy,
            environment: &environment,
            live: live.as_ref(),
            standby: self.beside_live(&environment).await?,
            next: &release,
            artifact,
            promoted: settled.as_ref().map(Settled::promoted),
            warmth: Warmth::Cold,
            warnings,
            schema,
            schema_needed,
        });
        Ok(Prepared { plan, release, settled: settled.map(|settled| settled.release) })
    }

    /// Begins a deploy: exactly the plan with that hash, if one is given; else, when another run ended between plan and begin, it is
    /// planned once more: nobody is to be told of a moment that is over. Where a former release is being retired, its end is waited for.
    ///
    /// # Errors
    /// `PLAN_STALE` when the world has moved, `LEASE_HELD` when another run has the environment, and what planning can fail with.
    pub async fn deploy(&self, wish: &Wish, expected: Option<&str>, actor: &str) -> Result<Begun, Problem> {
        self.deploy_if(wish, expected, actor, &Everything).await
    }

    /// Begins a deploy if the environment's policy admits it.
    ///
    /// # Errors
    /// As [`Self::deploy`], and what it is refused with.
    pub async fn deploy_if(
        &self,
        wish: &Wish,
        expected: Option<&str>,
        actor: &str,
        admission: &dyn Admission,
    ) -> Result<Begun, Problem> {
        let begun = self.deploy_as_planned(wish, expected, actor, admission).await;
        match &begun {
            Err(problem) if self.is_over(problem, &wish.release.key, expected).await? => {
                self.deploy_as_planned(wish, expected, actor, admission).await
            }
            _ => begun,
        }
    }

    async fn deploy_as_planned(
        &self,
        wish: &Wish,
        expected: Option<&str>,
        actor: &str,
        admission: &dyn Admission,
    ) -> Result<Begun, Problem> {
        self.refuse_elsewhere(&wish.release.key).await?;
        self.let_tidying_end(&wish.release.key).await?;
        let prepared = self.prepare_deploy(wish).await?;
        check_hash(&prepared.plan, expected)?;
        admission.admit(wish, &prepared).await?;
        let Prepared { plan, release, .. } = prepared;
        let sealed = self.ports.vault.seal(&release.id, &wish.configuration)?;
        let record =
            ReleaseRecord { release, sealed, standard: Standard::New, source: Some(wish.source.clone()) };
        self.begin(plan, actor, Some(record)).await
    }

    /// What a rollback would do; without a goal it goes to the last release that settled before the live one.
    ///
    /// # Errors
    /// `NOTHING_TO_ROLL_BACK_TO` or `RELEASE_UNKNOWN` with the reason.
    pub async fn plan_rollback(&self, key: &EnvironmentKey, to: Option<&ReleaseId>) -> Result<Plan, Problem> {
        let environment = self.environment(key).await?;
        let goal = self.rollback_goal(&environment, to).await?;
        let release = &goal.release;
        let warmth = self.warmth(&environment, release).await;
        let live = self.live_release(&environment).await?;
        let artifact = ArtifactPlan::Store { digest: release.artifact.clone() };
        let schema_needed = schema::needed_by_rollback(&environment, release)?;
        Ok(planner::bring_live(Facts {
            kind: RunKind::Rollback,
            environment: &environment,
            live: live.as_ref(),
            standby: self.beside_live(&environment).await?,
            next: release,
            artifact: if warmth == Warmth::Warm { ArtifactPlan::None } else { artifact },
            promoted: None,
            warmth,
            warnings: Vec::new(),
            schema: None,
            schema_needed,
        }))
    }

    /// Begins a rollback.
    ///
    /// # Errors
    /// As [`Self::plan_rollback`] and [`Self::deploy`].
    pub async fn rollback(
        &self,
        key: &EnvironmentKey,
        to: Option<&ReleaseId>,
        expected: Option<&str>,
        actor: &str,
    ) -> Result<Begun, Problem> {
        let begun = self.rollback_as_planned(key, to, expected, actor).await;
        match &begun {
            Err(problem) if self.is_over(problem, key, expected).await? => {
                self.rollback_as_planned(key, to, expected, actor).await
            }
            _ => begun,
        }
    }

    async fn rollback_as_planned(
        &self,
        key: &EnvironmentKey,
        to: Option<&ReleaseId>,
        expected: Option<&str>,
        actor: &str,
    ) -> Result<Begun, Problem> {
        self.refuse_elsewhere(key).await?;
        self.let_tidying_end(key).await?;
        let plan = self.plan_rollback(key, to).await?;
        check_hash(&plan, expected)?;
        self.begin(plan, actor, None).await
    }

    /// Whether what was in the way of a run is over, or will be without anybody: another run that ended between plan and begin, unless
    /// that very plan was asked for, or tidying that began there.
    async fn is_over(
        &self,
        problem: &Problem,
        key: &EnvironmentKey,
        expected: Option<&str>,
    ) -> Result<bool, Problem> {
        match problem.code {
            Code::PlanStale => Ok(expected.is_none()),
            Code::LeaseHeld => tidying::holds(self.journal.as_ref(), key).await,
            _ => Ok(false),
        }
    }

    pub(crate) async fn let_tidying_end(&self, key: &EnvironmentKey) -> Result<(), Problem> {
        tidying::let_it_end(self.journal.as_ref(), self.ports.clock.as_ref(), key).await
    }

    /// Begins to stop what stands in a slot of the environment without having the traffic.
    ///
    /// # Errors
    /// `NOTHING_LIVE` when nothing does.
    pub async fn retire(&self, key: &EnvironmentKey, actor: &str) -> Result<Begun, Problem> {
        let environment = self.environment(key).await?;
        let Some(standby) = self.beside_live(&environment).await? else {
            return Err(nothing(key, "no release stands by"));
        };
        self.begin(planner::retire(&environment, &standby), actor, None).await
    }

    /// Begins to stop what stands in a slot without having the traffic, if nobody is to find it there any more: it has no window, or
    /// its window is over. None when there is nothing of the kind.
    ///
    /// # Errors
    /// `PLAN_STALE` and `LEASE_HELD` when a run came in between.
    pub async fn end_window(&self, key: &EnvironmentKey, actor: &str) -> Result<Option<Begun>, Problem> {
        // The window and what is stopped are of one reading, and the run begins only if they still hold then.
        let environment = self.environment(key).await?;
        let Some(beside) = self.beside_live(&environment).await? else { return Ok(None) };
        let recorded = environment.standby.as_ref().filter(|standby| standby.standing == beside);
        let until = recorded.and_then(|standby| standby.warm_until);
        if until.is_some_and(|until| until > self.ports.clock.now()) {
            return Ok(None);
        }
        self.begin(planner::retire(&environment, &beside), actor, None).await.map(Some)
    }

    /// What stands in a slot beside the live release: in the target's records, which also know what was left over; else in ours.
    ///
    /// # Errors
    /// When the target's records cannot be read.
    pub async fn beside_live(&self, environment: &EnvironmentRecord) -> Result<Option<Standing>, Problem> {
        let mut there: Vec<Standing> = self
            .ports
            .target
            .slots()
            .await
            .map_err(Problem::from)?
            .into_iter()
            .filter(|slot| slot.key == environment.key)
            .map(|slot| Standing { release: slot.release, slot: slot.slot })
            .filter(|standing| environment.live.as_ref() != Some(standing))
            .collect();
        let free = environment.free_slot();
        there.sort_by_key(|standing| standing.slot != free);
        let recorded = environment.standby.as_ref().map(|standby| standby.standing.clone());
        Ok(there.into_iter().next().or(recorded))
    }

    /// Begins to stop everything of an environment.
    ///
    /// # Errors
    /// `NOTHING_LIVE` when nothing of it was ever started.
    pub async fn down(&self, key: &EnvironmentKey, actor: &str) -> Result<Begun, Problem> {
        let begun = self.down_as_planned(key, actor).await;
        match &begun {
            Err(problem) if self.is_over(problem, key, None).await? => self.down_as_planned(key, actor).await,
            _ => begun,
        }
    }

    async fn down_as_planned(&self, key: &EnvironmentKey, actor: &str) -> Result<Begun, Problem> {
        self.refuse_elsewhere(key).await?;
        self.let_tidying_end(key).await?;
        let environment = self.environment(key).await?;
        let running =
            self.ports.target.slots().await.map_err(Problem::from)?.iter().any(|slot| slot.key == *key);
        let is_nothing = environment.live.is_none() && environment.standby.is_none() && !running;
        // What stood for nobody was taken away by itself since; the door may still be open.
        if is_nothing && !self.is_half_down(key).await? {
            return Err(nothing(key, "nothing of it runs"));
        }
        let live = self.live_release(&environment).await?;
        self.begin(planner::down(&environment, live.as_ref()), actor, None).await
    }

    /// Whether the last that was asked of an environment is a `down` that did not get to its end.
    async fn is_half_down(&self, key: &EnvironmentKey) -> Result<bool, Problem> {
        let runs = self.journal.runs(key, 20).await?;
        let asked = runs.iter().find(|run| run.plan.kind != RunKind::Retire);
        Ok(asked.is_some_and(|run| {
            run.plan.kind == RunKind::Down
                && run.state.outcome.is_some_and(|outcome| outcome != Outcome::Live)
        }))
    }

    /// Runs the live release's checks through the users' door.
    ///
    /// # Errors
    /// `NOTHING_LIVE` when nothing is live.
    pub async fn verify(&self, key: &EnvironmentKey) -> Result<Vec<CheckResult>, Problem> {
        let environment = self.environment(key).await?;
        let live = environment.live.as_ref().map(|live| &live.release);
        let Some((_, loaded)) = self.loaded(key, live).await? else {
            return Err(nothing(key, "nothing is live"));
        };
        let redactor = redaction::redactor(&loaded.release, loaded.values()?);
        let mut results = steps::verify_live(&self.ports, &loaded, &environment).await;
        for result in &mut results {
            result.detail = redactor.text(&result.detail).into_owned();
        }
        Ok(results)
    }

    /// Finds the secrets of a release, for taking them out of what its instances wrote. One whose values cannot be opened has
    /// none that could be known.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn redactor(&self, key: &EnvironmentKey, release: &ReleaseId) -> Result<Redactor, Problem> {
        let loaded = self.loaded(key, Some(release)).await?;
        Ok(loaded.map_or_else(Redactor::none, |(_, loaded)| {
            redaction::redactor(&loaded.release, &loaded.configuration)
        }))
    }

    /// What a release is where it stands: of one that is named, or the live one.
    ///
    /// # Errors
    /// `NOTHING_LIVE`, `RELEASE_UNKNOWN`, and when its values cannot be opened.
    pub async fn slot_spec(
        &self,
        key: &EnvironmentKey,
        release: Option<&ReleaseId>,
    ) -> Result<SlotSpec, Problem> {
        let environment = self.environment(key).await?;
        let live = environment.live.as_ref();
        let Some(wanted) = release.or(live.map(|live| &live.release)) else {
            return Err(Problem::new(
                Code::NothingLive,
                format!("nothing is live in {key}"),
                format!("deploy first, or name a release that `bascule history {}` lists", key.environment),
            ));
        };
        let Some((_, loaded)) = self.loaded(key, Some(wanted)).await? else {
            return Err(Problem::new(
                Code::ReleaseUnknown,
                format!("{key} has no release {wanted}"),
                format!("take one that `bascule history {}` lists", key.environment),
            ));
        };
        let standing = live.into_iter().chain(environment.standby.iter().map(|standby| &standby.standing));
        let slot = standing.into_iter().find(|one| one.release == *wanted).map_or(Slot::Blue, |one| one.slot);
        loaded.values()?;
        Ok(SlotSpec { release: loaded.release, slot, configuration: loaded.configuration })
    }

    pub(crate) async fn loaded(
        &self,
        key: &EnvironmentKey,
        id: Option<&ReleaseId>,
    ) -> Result<Option<(ReleaseRecord, Loaded)>, Problem> {
        let Some(id) = id else { return Ok(None) };
        let Some(record) = self.journal.release(key, id).await? else { return Ok(None) };
        // A run must be able to take away or leave alone what it cannot read; only what needs the values fails.
        let (configuration, unreadable) = match self.ports.vault.open(id, &record.sealed) {
            Ok(configuration) => (configuration, None),
            Err(problem) => (Configuration::default(), Some(problem)),
        };
        let (release, source) = (record.release.clone(), record.source.clone());
        let loaded = Loaded { release, configuration, source, unreadable };
        Ok(Some((record, loaded)))
    }

    pub(crate) async fn live_release(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Option<Release>, Problem> {
        let Some(live) = &environment.live else { return Ok(None) };
        Ok(self.journal.release(&environment.key, &live.release).await?.map(|record| record.release))
    }

    pub(crate) async fn environment(&self, key: &EnvironmentKey) -> Result<EnvironmentRecord, Problem> {
        Ok(self.journal.environment(key).await?.unwrap_or_else(|| EnvironmentRecord::new(key.clone())))
    }

    async fn run(&self, id: &RunId) -> Result<RunRecord, Problem> {
        self.journal.run(id).await?.ok_or_else(|| {
            Problem::new(
                Code::RunUnknown,
                format!("there is no run {id}"),
                "`bascule history ENV` lists the runs of an environment",
            )
        })
    }
}

/// What a person decides on a run that is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Undo once more.
    RetryUndo,
    /// Leave everything as it is.
    Abandon {
        /// Why.
        reason: String,
    },
}

fn check_hash(plan: &Plan, expected: Option<&str>) -> Result<(), Problem> {
    match expected {
        Some(expected) if plan.hash() != expected => Err(Problem::new(
            Code::PlanStale,
            format!(
                "the plan {expected} no longer holds: the world or the wish has moved, and the plan is now {}",
                plan.hash()
            ),
            format!("look at it with `bascule plan {}`, then deploy with the new hash", plan.key.environment),
        )),
        _ => Ok(()),
    }
}

pub(crate) fn nothing(key: &EnvironmentKey, what: &str) -> Problem {
    Problem::new(
        Code::NothingLive,
        format!("{}: {what}", planner::named(key)),
        format!("`bascule deploy {}` brings a release live", key.environment),
    )
}

impl From<JournalError> for crate::context::StepError {
    fn from(error: JournalError) -> Self {
        Problem::from(error).into()
    }
}
