//! One attempt of a job, its `finally`, and what it came to.

use std::collections::BTreeMap;
use std::time::Duration;

use bascule_model::plan::hex;
use bascule_model::problem::{Code, Problem};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

use crate::cache::{Found, Inputs, Owner, Passed};
use crate::error::{PipelineError, file};
use crate::event::{End, Event, Verdict};
use crate::folder::slug;
use crate::next;
use crate::output::Output;
use crate::plan::{Job, Stage};
use crate::process::{self, Begin, MARK};
use crate::reports::{self, Before, Taking};
use crate::reset::Extent;
use crate::runner::{self, Runner};

/// How long a `finally` may take.
const FINALLY: Duration = Duration::from_secs(600);
/// How long a tool may take to say its version.
const TOOL: Duration = Duration::from_secs(60);
/// How long output is waited for of which no writer is known any more.
const DRAIN: Duration = Duration::from_secs(1);
/// The longest answer of a tool, in bytes.
const ANSWER: u64 = 64 << 10;

/// When something is stopped that has not ended by itself.
struct Limits {
    until: Instant,
    then: End,
    abortable: bool,
}

/// A job in its stage.
pub(crate) struct Place<'a> {
    pub(crate) runner: &'a Runner<'a>,
    pub(crate) stage: &'a Stage,
    pub(crate) job: &'a Job,
}

impl Place<'_> {
    /// Begins an attempt and sees it to its end; or finds that it need not be run.
    pub(crate) async fn attempt(&self) -> Result<(), PipelineError> {
        let of_job = self.runner.job(self.stage, self.job);
        let attempt = of_job.begun + 1;
        let mut because = None;
        if of_job.begun == 0 && self.job.cache.is_some() {
            match self.look().await {
                Ok(Found::Hit { run, reports }) => {
                    return self.runner.record(vec![self.done(Verdict::Unchanged(run), reports)]);
                }
                Ok(Found::Miss(why)) => because = Some(why),
                // A cache that cannot be used is one that is not there.
                Err(error) => because = Some(format!("the cache cannot be used: {error}")),
            }
        }
        // One after the other: a job that begins while the files are looked at could have its own taken for what the last attempt left.
        let beginning = self.runner.beginning.lock().await;
        if of_job.begun > 0 {
            because = self.reset(self.runner.job(self.stage, self.job).shared).await;
        } else {
            self.note_files().await?;
        }
        self.note_before()?;
        let (stage, job) = self.names();
        self.runner.record(vec![Event::JobBegan { stage, job, attempt, because }])?;
        drop(beginning);
        let of_job = self.runner.job(self.stage, self.job);
        let begun = Instant::now();
        let own = Duration::from_millis(self.job.attempt_timeout_ms);
        let left = next::deadline(self.job, &of_job).map_or(own, |deadline| self.runner.until(deadline));
        let (until, then) =
            if own < left { (begun + own, End::AttemptTimeout) } else { (begun + left, End::Timeout) };
        let limits = Limits { until, then, abortable: true };
        let end = self.carry_out(&self.job.run.join("\n"), attempt, self.environment(attempt), &limits).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (stage, job) = self.names();
        self.runner.record(vec![Event::AttemptEnded { stage, job, attempt, end, ms }])
    }

    /// Runs its `finally`.
    pub(crate) async fn finally(&self) -> Result<(), PipelineError> {
        let Some(line) = &self.job.finally else { return Ok(()) };
        let attempt = self.runner.job(self.stage, self.job).begun;
        let (stage, job) = self.names();
        self.runner.record(vec![Event::FinallyBegan { stage, job }])?;
        let limits = Limits { until: Instant::now() + FINALLY, then: End::Timeout, abortable: false };
        let mut environment = self.environment(attempt);
        // A mark of its own: what the attempt has left and could not be ended is not waited for once more.
        environment.insert(MARK.to_owned(), format!("{}finally.{attempt}", self.mark()));
        let end = self.carry_out(line, attempt, environment, &limits).await;
        let (stage, job) = self.names();
        self.runner.record(vec![Event::FinallyEnded { stage, job, end }])
    }

    /// Takes its reports and says what it came to.
    pub(crate) async fn settle(&self) -> Result<(), PipelineError> {
        let of_job = self.runner.job(self.stage, self.job);
        let failure = next::failure(self.runner.plan, &self.stage.name, self.job, &of_job);
        let before = self.read_before();
        let project = self.runner.project();
        let taken = reports::take(&Taking {
            folder: self.runner.folder,
            project: &project,
            stage: &self.stage.name,
            job: self.job,
            before: &before,
            redactor: &self.runner.redactor,
            now: (self.runner.now)(),
        });
        let (reports, trouble) = match taken {
            Ok(reports) => (reports, None),
            Err(error) => (Vec::new(), Some(Problem::from(error))),
        };
        let missing = reports.iter().find(|report| report.file.is_none()).map(|report| {
            Problem::new(
                Code::ReportMissing,
                format!(
                    "the job {}/{} passed and has not written its report {}",
                    self.stage.name, self.job.name, report.path
                ),
                "make it write the file, relative to the manifest's folder and at most 64 MiB, or leave it out of `reports`",
            )
        });
        let verdict = match failure.or(trouble).or(missing) {
            Some(problem) => Verdict::Failed(problem),
            None => Verdict::Passed,
        };
        if verdict == Verdict::Passed
            && let Some(cache) = &self.job.cache
            && let Some(inputs) = self.runner.inputs_of(&self.stage.name, &self.job.name)
        {
            let (store, owner, run) = (self.runner.store.clone(), self.owner(), self.runner.plan.run.clone());
            let (run_folder, reports) = (self.runner.folder.path().to_owned(), reports.clone());
            let cache = cache.clone();
            let kept = runner::blocking(move || {
                let (run, run_folder) = (run.as_str(), run_folder.as_path());
                let (inputs, cache, project, reports) =
                    (&inputs, &cache, project.as_path(), reports.as_slice());
                store.keep(&owner, &Passed { run, inputs, cache, project, run_folder, reports })
            });
            // That it cannot be kept costs time once more, and nothing else.
            let _ = kept.await;
        }
        self.runner.record(vec![self.done(verdict, reports)])
    }

    /// Says that it is not run.
    pub(crate) fn skip(&self, why: String) -> Event {
        self.done(Verdict::Skipped(why), Vec::new())
    }

    fn done(&self, verdict: Verdict, reports: Vec<bascule_model::gate::Report>) -> Event {
        let (stage, job) = self.names();
        Event::JobDone { stage, job, verdict, reports }
    }

    fn names(&self) -> (String, String) {
        (self.stage.name.clone(), self.job.name.clone())
    }

    fn owner(&self) -> Owner {
        let (stage, job) = self.names();
        Owner { app: self.runner.plan.app.clone(), stage, job }
    }

    /// Looks into the cache; what is kept beside results is put back as well.
    async fn look(&self) -> Result<Found, PipelineError> {
        let Some(cache) = &self.job.cache else { return Ok(Found::Miss(String::new())) };
        let mut tools = BTreeMap::new();
        for line in &cache.tools {
            tools.insert(line.clone(), self.ask(line).await);
        }
        let inputs = Inputs::of(self.job, &self.own_environment(), self.runner.files()?, tools);
        self.runner.remember(&self.stage.name, &self.job.name, inputs.clone());
        let (owner, project, cache) = (self.owner(), self.runner.project(), cache.clone());
        let (store, run_folder) = (self.runner.store.clone(), self.runner.folder.path().to_owned());
        runner::blocking(move || {
            let found = store.look(&owner, &inputs, &cache, &project, &run_folder)?;
            if matches!(found, Found::Miss(_)) {
                store.restore(&owner, &cache, &project)?;
            }
            Ok(found)
        })
        .await
    }

    /// What a tool answers, as a hash; how it failed is an answer too.
    async fn ask(&self, line: &str) -> String {
        let environment = self.environment(0);
        let project = self.runner.project();
        let begin = Begin { script: line, environment: &environment, folder: &project };
        let Ok((running, output)) = process::begin(&begin) else { return "not begun".to_owned() };
        let mut answer = Vec::new();
        let mut output = output.take(ANSWER);
        let read = tokio::time::timeout(TOOL, output.read_to_end(&mut answer)).await;
        let end = running.clear().await.map(|(end, _)| end.words()).unwrap_or_default();
        hex(&Sha256::digest([&answer[..], format!("{} {end}", read.is_ok()).as_bytes()].concat()))
    }

    async fn carry_out(
        &self,
        script: &str,
        attempt: u32,
        environment: BTreeMap<String, String>,
        limits: &Limits,
    ) -> End {
        let path = self.runner.folder.job_log(&self.stage.name, &self.job.name, attempt);
        let kept = |error: std::io::Error| End::Refused(file("write", &path)(error).into());
        let mut output = match Output::open(&path, &self.runner.redactor) {
            Ok(output) => output,
            Err(error) => return kept(error),
        };
        let project = self.runner.project();
        let begun = process::begin(&Begin { script, environment: &environment, folder: &project });
        let (running, mut pipe) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                return End::Refused(Problem::new(
                    Code::JobFailed,
                    format!("the job {}/{} was not begun: {error}", self.stage.name, self.job.name),
                    "look at what the system says: memory, processes of this user, the length of its environment",
                ));
            }
        };
        let mut reading = Some(&mut pipe);
        let mut buffer = vec![0; 64 << 10];
        let mut abort = self.runner.abort.clone();
        let stopped = loop {
            tokio::select! {
                // An error means that nobody can ask any more.
                Ok(_) = abort.wait_for(|asked| *asked), if limits.abortable => break Some(End::Aborted),
                () = tokio::time::sleep_until(limits.until) => break Some(limits.then.clone()),
                ended = running.ended() => break ended.err().map(kept),
                read = more(&mut reading, &mut buffer) => {
                    if let Err(error) = output.push(&buffer[..read]) {
                        break Some(kept(error));
                    }
                }
            }
        };
        // What is ended may have something to say, and must not wait for somebody to read it.
        let clear = running.clear();
        tokio::pin!(clear);
        let mut trouble = None;
        let end = loop {
            tokio::select! {
                end = &mut clear => break end,
                read = more(&mut reading, &mut buffer) => {
                    trouble = output.push(&buffer[..read]).err().or(trouble);
                }
            }
        };
        let drained = Instant::now() + DRAIN;
        while reading.is_some()
            && let Ok(read) = tokio::time::timeout_at(drained, more(&mut reading, &mut buffer)).await
        {
            trouble = output.push(&buffer[..read]).err().or(trouble);
        }
        trouble = output.finish().err().or(trouble);
        let (end, left) = match end {
            Ok((end, left)) => (Ok(end), left),
            Err(error) => (Err(error), Vec::new()),
        };
        let end = match (stopped, trouble) {
            (Some(stopped), _) => stopped,
            (None, Some(error)) => kept(error),
            (None, None) => end.unwrap_or_else(kept),
        };
        if left.is_empty() { end } else { self.not_ended(&end, &left) }
    }

    /// What an attempt comes to some of whose processes could not be ended: nothing that is worth another one beside them.
    pub(crate) fn not_ended(&self, end: &End, left: &[process::Left]) -> End {
        let processes = if left.len() == 1 { "one of its processes" } else { "some of its processes" };
        let names = process::names(left);
        End::Refused(Problem::new(
            Code::JobFailed,
            format!(
                "the job {}/{} {}, and {processes} could not be ended: {names}",
                self.stage.name,
                self.job.name,
                end.words()
            ),
            "end them by hand (`sudo kill`); they are another user's, or wait for a device or a file system; then ship again",
        ))
    }

    /// What the mark of its processes begins with, those of every attempt.
    pub(crate) fn mark(&self) -> String {
        let stage = slug(&self.stage.name);
        format!("{}/{stage}/{}/", self.runner.folder.mark(), self.job.name)
    }

    fn environment(&self, attempt: u32) -> BTreeMap<String, String> {
        let plan = self.runner.plan;
        let text = |text: &str| text.to_owned();
        let mut all = plan.surroundings.clone();
        all.extend([
            (text("TERM"), text("dumb")),
            (text("CI"), text("true")),
            (text("TMPDIR"), self.runner.folder.temporary().to_string_lossy().into_owned()),
            (text("BASCULE_RUN"), plan.run.clone()),
            (text("BASCULE_STAGE"), self.stage.name.clone()),
            (text("BASCULE_COMMIT"), plan.commit.clone()),
        ]);
        all.extend(self.own_environment());
        let secrets = &self.runner.private.secrets;
        all.extend(
            self.job.secrets.iter().filter_map(|name| Some((name.clone(), secrets.get(name)?.clone()))),
        );
        all.insert(MARK.to_owned(), format!("{}{attempt}", self.mark()));
        all
    }

    /// What it is given of the caller's environment, and what the manifest says.
    fn own_environment(&self) -> BTreeMap<String, String> {
        let given = &self.runner.private.given;
        let given = self.job.given.iter().filter_map(|name| Some((name.clone(), given.get(name)?.clone())));
        given.chain(self.job.env.clone()).collect()
    }

    /// Keeps how the checkout is before its first attempt.
    async fn note_files(&self) -> Result<(), PipelineError> {
        let (files, at) = (self.runner.checked_out(), self.files_path());
        runner::blocking(move || files.note(&at)).await
    }

    /// Takes back what the attempt before has left. Answers what could not be.
    async fn reset(&self, shared: bool) -> Option<String> {
        let (files, at) = (self.runner.checked_out(), self.files_path());
        let prefix = &self.runner.plan.prefix;
        let own: Vec<String> = self.job.reports.iter().map(|(_, path)| format!("{prefix}{path}")).collect();
        let done =
            runner::blocking(move || files.reset(&at, if shared { Extent::Only(&own) } else { Extent::All }));
        match done.await {
            Ok(lost) => {
                let first = lost.first()?;
                Some(format!(
                    "again; {first}, which the commit does not have, is as the last attempt left it"
                ))
            }
            Err(error) => Some(format!("again; the checkout is as the last attempt left it: {error}")),
        }
    }

    fn files_path(&self) -> std::path::PathBuf {
        let log = self.runner.folder.job_log(&self.stage.name, &self.job.name, 0);
        log.with_extension("files")
    }

    /// Keeps how the files of its reports were: a runner that comes after this one asks as well.
    fn note_before(&self) -> Result<(), PipelineError> {
        if self.job.reports.is_empty() {
            return Ok(());
        }
        let before = reports::before(&self.runner.project(), self.job);
        let text = serde_json::to_vec(&before).unwrap_or_default();
        let path = self.before_path();
        Ok(bascule_instances::durable::atomic(&path, &text, bascule_instances::durable::Access::Private)?)
    }

    fn read_before(&self) -> Before {
        let text = std::fs::read(self.before_path()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn before_path(&self) -> std::path::PathBuf {
        let log = self.runner.folder.job_log(&self.stage.name, &self.job.name, 0);
        log.with_extension("before")
    }
}

/// More of what is read; for ever, when nothing more comes. 0 is said once, at the end.
async fn more(reading: &mut Option<&mut Receiver>, buffer: &mut [u8]) -> usize {
    let Some(pipe) = reading else { return std::future::pending().await };
    match pipe.read(buffer).await {
        Ok(read) if read > 0 => read,
        _ => {
            *reading = None;
            0
        }
    }
}
