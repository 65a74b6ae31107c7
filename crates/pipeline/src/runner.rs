//! The runner: takes a run over, goes on where the last one was, and does what is next until the run is over.

mod lock;
mod stages;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bascule_instances::durable;
use bascule_model::gate::{Decision, Provenance, Report};
use bascule_model::problem::{Code, Problem};
use bascule_secrets::redact::Redactor;
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::watch;

pub use self::lock::has_runner;
use crate::attempt::Place;
use crate::cache::{Inputs, Store};
use crate::checkout;
use crate::copy;
use crate::error::{PipelineError, file};
use crate::event::{End, Event, Verdict};
use crate::folder::RunFolder;
use crate::log::Log;
use crate::next::{self, Action};
use crate::plan::{Job, Plan, Stage};
use crate::private::Private;
use crate::process;
use crate::reset::Files;
use crate::state::{JobState, Phase};

/// How often it is looked whether the run is to end.
const LOOK: Duration = Duration::from_millis(100);

/// A deploy that is wanted.
#[derive(Debug, Clone)]
pub struct Deploy {
    /// Where to.
    pub environment: String,
    /// The manifest's folder in the checkout.
    pub project: PathBuf,
    /// What, by digest.
    pub artifact: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What tells this deploy from every other in the history, as part of who asked for it.
    pub actor: String,
}

/// What a run needs of the control plane.
#[async_trait(?Send)]
pub trait Outside {
    /// Makes the artifact out of the checkout, as this environment wants it.
    async fn artifact(&self, environment: &str, project: &Path) -> Result<String, Problem>;

    /// Has it deployed, and gives the run's name. One that was asked for before and that nobody knows of is found again.
    async fn deploy(&self, deploy: &Deploy) -> Result<String, Problem>;

    /// The run of a deploy that may have been asked for; none: it was not, and it is not now.
    async fn asked_for(&self, deploy: &Deploy) -> Result<Option<String>, Problem>;

    /// Waits for the end of a deploy.
    async fn deployed(&self, run: &str) -> Result<(), Problem>;

    /// Asks a deploy to end.
    async fn abort(&self, run: &str) -> Result<(), Problem>;
}

/// Who decides whether a stage may pass.
pub trait Judge {
    /// What is said over the reports of a stage.
    fn judge(&self, folder: &Path, stage: &str, reports: &[Report]) -> Vec<Decision>;
}

/// What a runner works with.
pub struct Surroundings<'a> {
    /// The control plane.
    pub outside: &'a dyn Outside,
    /// The gates.
    pub judge: &'a dyn Judge,
    /// The wall clock.
    pub now: &'a dyn Fn() -> Timestamp,
}

/// One run in the hands of one runner.
pub(crate) struct Runner<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) folder: &'a RunFolder,
    pub(crate) private: &'a Private,
    pub(crate) redactor: Redactor,
    pub(crate) store: Store,
    pub(crate) abort: watch::Receiver<bool>,
    pub(crate) now: &'a dyn Fn() -> Timestamp,
    /// Held by a job from when it looks at the files of the checkout until it has begun.
    pub(crate) beginning: tokio::sync::Mutex<()>,
    log: RefCell<Log>,
    files: OnceCell<BTreeMap<String, String>>,
    inputs: RefCell<BTreeMap<(String, String), Inputs>>,
}

/// Takes a run to its end. Answers what went wrong with it, if anything did.
///
/// # Errors
/// When it cannot go on: another runner has it, its log is damaged, nothing can be written. The run is not over then.
pub async fn run(
    folder: &RunFolder,
    private: &Private,
    around: &Surroundings<'_>,
) -> Result<Option<Problem>, PipelineError> {
    let _lock = lock::take(folder).await?;
    let plan = folder.read_plan()?;
    let (ask, abort) = watch::channel(false);
    let runner = Runner {
        plan: &plan,
        folder,
        private,
        redactor: private.redactor(),
        store: Store::new(folder.cache()),
        abort,
        now: around.now,
        beginning: tokio::sync::Mutex::default(),
        log: RefCell::new(Log::open(&folder.events())?),
        files: OnceCell::new(),
        inputs: RefCell::default(),
    };
    if runner.log.borrow().state.finished.is_none() {
        runner.take_over().await?;
        match &private.missing {
            Some(problem) => runner.end_without(problem, around, &ask).await?,
            None => runner.to_its_end(around, &ask).await?,
        }
    }
    runner.tidy()?;
    Ok(runner.log.into_inner().state.failure)
}

/// Takes secrets out of sentences. Names and tags stay as they are, or a private value that occurs in one would make another stage or
/// another event of it.
fn clean_words(redactor: &Redactor, value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| clean_words(redactor, value)),
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                if matches!(
                    key.as_str(),
                    "message" | "remedy" | "why" | "value" | "because" | "by" | "skipped"
                ) {
                    redactor.json(value);
                } else {
                    clean_words(redactor, value);
                }
            }
        }
        _ => {}
    }
}

impl Runner<'_> {
    /// Writes down what happened. Words of others are shown without secrets.
    pub(crate) fn record(&self, events: Vec<Event>) -> Result<(), PipelineError> {
        let events = events.into_iter().map(|event| self.clean(event)).collect();
        self.log.borrow_mut().add((self.now)(), events)
    }

    fn clean(&self, event: Event) -> Event {
        let Ok(mut value) = serde_json::to_value(&event) else { return event };
        clean_words(&self.redactor, &mut value);
        serde_json::from_value(value).unwrap_or(event)
    }

    /// Where the manifest is in the checkout.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.checkout().join(&self.plan.prefix)
    }

    /// The checkout, and how its files were.
    pub(crate) fn checked_out(&self) -> Files {
        Files { plan: self.plan.clone(), checkout: self.folder.checkout(), made: self.folder.checked_out() }
    }

    /// Where a job stands.
    pub(crate) fn job(&self, stage: &Stage, job: &Job) -> JobState {
        self.log.borrow().state.job_of(&stage.name, &job.name)
    }

    /// How long it is until then.
    pub(crate) fn until(&self, moment: Timestamp) -> Duration {
        Duration::try_from(moment.duration_since((self.now)())).unwrap_or_default()
    }

    /// The commit's files.
    pub(crate) fn files(&self) -> Result<&BTreeMap<String, String>, PipelineError> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let files = checkout::files(self.plan, &self.project())?;
        Ok(self.files.get_or_init(|| files))
    }

    /// Remembers what a job depends on, until it has passed.
    pub(crate) fn remember(&self, stage: &str, job: &str, inputs: Inputs) {
        self.inputs.borrow_mut().insert((stage.to_owned(), job.to_owned()), inputs);
    }

    /// What a job depends on; none where this runner has not asked: then its result is not kept.
    pub(crate) fn inputs_of(&self, stage: &str, job: &str) -> Option<Inputs> {
        self.inputs.borrow().get(&(stage.to_owned(), job.to_owned())).cloned()
    }

    /// Ends what a dead runner left, and says that it was lost.
    async fn take_over(&self) -> Result<(), PipelineError> {
        self.record(vec![Event::RunnerBegan { pid: std::process::id() }])?;
        let left = process::end_all(&format!("{}/", self.folder.mark()), None, process::GRACE).await;
        durable::make_folder(&self.folder.temporary())?;
        let mut lost = Vec::new();
        for (stage, of_stage) in &self.log.borrow().state.stages {
            for (job, of_job) in &of_stage.jobs {
                let place = if left.is_empty() { None } else { self.place(stage, job) };
                let left = place.as_ref().map(|place| process::belonging(&place.mark(), None));
                let end = match (place, left) {
                    (Some(place), Some(left)) if !left.is_empty() => place.not_ended(&End::Lost, &left),
                    _ => End::Lost,
                };
                let (stage, job) = (stage.clone(), job.clone());
                match of_job.phase {
                    Phase::Running => {
                        lost.push(Event::AttemptEnded { stage, job, attempt: of_job.begun, end, ms: 0 });
                    }
                    Phase::Finally => lost.push(Event::FinallyEnded { stage, job, end }),
                    _ => {}
                }
            }
        }
        if lost.is_empty() { Ok(()) } else { self.record(lost) }
    }

    /// Ends a run whose values nobody has any more. Without them no line of a job can be run, `finally` neither: it would miss its
    /// secrets, and what it writes could not be shown without them. A deploy needs none of them any more, and is seen to its end.
    async fn end_without(
        &self,
        problem: &Problem,
        around: &Surroundings<'_>,
        ask: &watch::Sender<bool>,
    ) -> Result<(), PipelineError> {
        self.look_for_abort(ask)?;
        let under_way = {
            let state = &self.log.borrow().state;
            let runs = |stage: &&Stage| {
                let of_stage = state.stages.get(&stage.name).filter(|it| it.deploys());
                of_stage.is_some_and(|it| matches!(it.deploy, Some(Some(_))))
            };
            self.plan.stages.iter().find(runs).map(|stage| stage.name.clone())
        };
        if let Some(stage) = under_way {
            self.deploy(&stage, around).await?;
        }
        let by = self.log.borrow().state.abort.clone();
        let problem = by.as_deref().map_or_else(|| problem.clone(), aborted);
        let verdict = Verdict::Failed(problem.clone());
        let mut events = Vec::new();
        for (stage, of_stage) in &self.log.borrow().state.stages {
            for (job, _) in of_stage.jobs.iter().filter(|(_, of_job)| of_job.is_open()) {
                let (stage, job) = (stage.clone(), job.clone());
                events.push(Event::JobDone { stage, job, verdict: verdict.clone(), reports: Vec::new() });
            }
        }
        events.push(Event::Finished { problem: Some(problem) });
        self.record(events)
    }

    async fn to_its_end(
        &self,
        around: &Surroundings<'_>,
        ask: &watch::Sender<bool>,
    ) -> Result<(), PipelineError> {
        let mut busy: BTreeSet<Action> = BTreeSet::new();
        let mut work: FuturesUnordered<LocalBoxFuture<'_, (Action, Result<(), PipelineError>)>> =
            FuturesUnordered::new();
        let mut look = tokio::time::interval(LOOK);
        // What was asked for while nobody was there comes first.
        self.look_for_abort(ask)?;
        loop {
            let now = (self.now)();
            let (actions, wakes, is_over) = {
                let state = &self.log.borrow().state;
                let wakes = next::wakes(state, self.plan, now);
                (next::next(state, self.plan, &busy, now), wakes, state.finished.is_some())
            };
            if is_over {
                return Ok(());
            }
            let mut events = Vec::new();
            for action in &actions {
                match self.at_once(action, around)? {
                    Some(more) => events.extend(more),
                    None => {
                        busy.insert(action.clone());
                        work.push(Box::pin(self.begin(action.clone(), around)));
                    }
                }
            }
            if !events.is_empty() {
                self.record(events)?;
                for action in &actions {
                    if matches!(action, Action::EndStage(..) | Action::Finish) {
                        self.write_record()?;
                    }
                }
                continue;
            }
            let pause = wakes.map_or(Duration::from_secs(3_600), |moment| self.until(moment));
            tokio::select! {
                Some((action, done)) = work.next() => {
                    busy.remove(&action);
                    done?;
                }
                () = tokio::time::sleep(pause), if wakes.is_some() => {}
                _ = look.tick() => self.look_for_abort(ask)?,
            }
        }
    }

    fn look_for_abort(&self, ask: &watch::Sender<bool>) -> Result<(), PipelineError> {
        let is_known = self.log.borrow().state.abort.is_some();
        if !is_known && let Some(by) = durable::read_if_there(&self.folder.abort())? {
            let by = String::from_utf8_lossy(&by).into_owned();
            self.record(vec![Event::AbortRequested { by }])?;
        }
        if self.log.borrow().state.abort.is_some() {
            ask.send_replace(true);
        }
        Ok(())
    }

    /// The events of what takes no time; none for what has to be waited for.
    fn at_once(
        &self,
        action: &Action,
        around: &Surroundings<'_>,
    ) -> Result<Option<Vec<Event>>, PipelineError> {
        let state = &self.log.borrow().state;
        Ok(Some(match action {
            Action::BeginStage(stage) => vec![Event::StageBegan { stage: stage.clone() }],
            Action::Skip { stage, job, why } => {
                let place = self.place(stage, job);
                place.map(|place| place.skip(why.clone())).into_iter().collect()
            }
            Action::Judge(stage) => {
                let reports: Vec<Report> = state
                    .stages
                    .get(stage)
                    .into_iter()
                    .flat_map(|of_stage| of_stage.jobs.values())
                    .flat_map(|job| job.reports.clone())
                    .collect();
                let decisions = around.judge.judge(self.folder.path(), stage, &reports);
                vec![Event::Judged { stage: stage.clone(), decisions }]
            }
            Action::EndStage(stage, passed) => {
                vec![Event::StageEnded { stage: stage.clone(), passed: *passed }]
            }
            Action::Finish => vec![Event::Finished { problem: self.problem() }],
            _ => return Ok(None),
        }))
    }

    /// What went wrong with the run as a whole.
    fn problem(&self) -> Option<Problem> {
        let state = &self.log.borrow().state;
        if let Some(by) = &state.abort {
            return Some(aborted(by));
        }
        let refused = self
            .plan
            .stages
            .iter()
            .find(|stage| {
                state.stages.get(&stage.name).is_some_and(|it| matches!(it.ended, Some((_, false))))
            })
            .and_then(|stage| next::refusal(&stage.name, &state.decisions));
        state.failure.clone().or(refused)
    }

    async fn begin(&self, action: Action, around: &Surroundings<'_>) -> (Action, Result<(), PipelineError>) {
        let done = match &action {
            Action::CheckOut => self.check_out().await,
            Action::Attempt { stage, job } => match self.place(stage, job) {
                Some(place) => place.attempt().await,
                None => Ok(()),
            },
            Action::Finally { stage, job } => match self.place(stage, job) {
                Some(place) => place.finally().await,
                None => Ok(()),
            },
            Action::Settle { stage, job } => match self.place(stage, job) {
                Some(place) => place.settle().await,
                None => Ok(()),
            },
            Action::Build(stage) => self.build(stage, around).await,
            Action::Deploy(stage) => self.deploy(stage, around).await,
            _ => Ok(()),
        };
        (action, done)
    }

    fn place(&self, stage: &str, job: &str) -> Option<Place<'_>> {
        let stage = self.plan.stage(stage)?;
        let job = stage.jobs().iter().find(|one| one.name == job)?;
        Some(Place { runner: self, stage, job })
    }

    async fn check_out(&self) -> Result<(), PipelineError> {
        let files = self.checked_out();
        let made = blocking(move || {
            let changed = checkout::make(&files.plan, &files.checkout)?;
            files.note_made()?;
            Ok(changed)
        });
        match made.await {
            Ok(changed) => self.record(vec![Event::CheckedOut { changed }]),
            Err(error) => self.record(vec![Event::Finished { problem: Some(error.into()) }]),
        }
    }

    /// Waits until somebody has asked for the run to end. The value is let go of before this returns: whoever holds it keeps it from
    /// being written.
    async fn asked_to_end(&self) {
        let mut abort = self.abort.clone();
        let is_asked = abort.wait_for(|asked| *asked).await.is_ok();
        if !is_asked {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }

    fn write_record(&self) -> Result<(), PipelineError> {
        let record = self.log.borrow().state.record(self.plan);
        let path = self.folder.record();
        let text = serde_json::to_vec_pretty(&record).map_err(|error| file("write", &path)(error.into()))?;
        Ok(durable::durable(&path, &text, durable::Access::Private)?)
    }

    /// Takes away what nobody needs when a run is over. What was deployed needs its checkout: migrations and checks are there.
    fn tidy(&self) -> Result<(), PipelineError> {
        self.write_record()?;
        let temporary = self.folder.temporary();
        let _ = copy::remove(&temporary);
        let has_deployed = self.log.borrow().state.stages.values().any(|stage| stage.deploy.is_some());
        if !has_deployed {
            let _ = checkout::remove(&self.plan.project, &self.folder.checkout());
        }
        durable::remove_file(&self.folder.sealed())?;
        durable::remove_file(&self.folder.abort())?;
        Ok(durable::remove_file(&self.folder.active())?)
    }
}

/// Does what waits for the disk while jobs go on.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PipelineError> + Send + 'static,
) -> Result<T, PipelineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Nobody cancels it.
            Err(_) => std::future::pending().await,
        },
    }
}

fn aborted(by: &str) -> Problem {
    Problem::new(
        Code::Aborted,
        format!("{by} asked for the pipeline to end"),
        "what it had deployed stays; ship again when it may go on",
    )
}
