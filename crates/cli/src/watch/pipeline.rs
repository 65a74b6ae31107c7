//! Follows a pipeline's run: what happened and what jobs write, through ends and starts of the control plane.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bascule_model::problem::{Code, Exit, Problem};
use bascule_pipeline::Recorded;
use bascule_pipeline::event::Event;
use bascule_server::pipelines::api::PipelineLine;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::query::encoded;
use crate::screen::{Format, Screen};
use crate::text::escape;
use crate::text::wrap::shortened;
use crate::view;
use crate::view::pipeline::Said;

/// So many times in a row without anything new, and it is given up.
const ATTEMPTS: u32 = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);
/// The last lines of a job that failed.
const LINES: usize = 20;
/// A line that is longer is cut, in characters.
const LONGEST: usize = 240;

/// Follows a run to its end, shows how it ended, and gives the exit status that says the same.
///
/// # Errors
/// When it could not be followed.
pub async fn followed(context: &Context, control_plane: &ControlPlane<'_>, run: &str) -> Result<u8, Failure> {
    let outcome = to_its_end(context, control_plane, run).await?;
    Ok(status(&outcome))
}

/// The exit status of an outcome.
pub fn status(outcome: &PipelineLine) -> u8 {
    match outcome {
        PipelineLine::Outcome { error: Some(problem), .. } => problem.code.exit().status(),
        _ => Exit::Done.status(),
    }
}

/// Follows a run and gives its last line, which it has shown.
///
/// # Errors
/// [`Failure::Left`] on Ctrl-C, and what the control plane refuses with.
pub async fn to_its_end(
    context: &Context,
    control_plane: &ControlPlane<'_>,
    run: &str,
) -> Result<PipelineLine, Failure> {
    let mut display = Display::new(context.screen);
    let ended = tokio::select! {
        ended = follow(control_plane, run, &mut display) => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::Left { run: run.to_owned() }),
    };
    display.end();
    let outcome = ended?;
    match context.screen.format {
        Format::Json => context.screen.json(&outcome)?,
        Format::Text => {
            if let PipelineLine::Outcome { error: Some(problem), .. } = &outcome {
                context.screen.note(&view::problem(problem));
            }
            context.screen.out(&view::pipeline::outcome(&outcome))?;
        }
    }
    Ok(outcome)
}

async fn follow(
    control_plane: &ControlPlane<'_>,
    run: &str,
    display: &mut Display,
) -> Result<PipelineLine, Failure> {
    let mut after = 0;
    let mut in_vain = 0;
    loop {
        let seen = after;
        let broken = match stream(control_plane, run, display, &mut after).await {
            Ok(Some(outcome)) => return Ok(outcome),
            Ok(None) => None,
            Err(Failure::Problem(problem)) if problem.code == Code::ControlPlaneUnavailable => Some(problem),
            Err(failure) => return Err(failure),
        };
        in_vain = if after > seen { 0 } else { in_vain + 1 };
        if in_vain >= ATTEMPTS {
            // Where the run itself cannot be read, that is what is wrong.
            let path = format!("/v1/pipelines/{}", encoded(run));
            control_plane.get::<serde_json::Value>(&path).await?;
            return Err(broken.unwrap_or_else(|| lost(run)).into());
        }
        tokio::time::sleep(PAUSE).await;
        control_plane.ensure().await?;
    }
}

async fn stream(
    control_plane: &ControlPlane<'_>,
    run: &str,
    display: &mut Display,
    after: &mut u64,
) -> Result<Option<PipelineLine>, Failure> {
    let path = format!("/v1/pipelines/{}/follow?after={after}", encoded(run));
    let mut lines = control_plane.client().lines(&path).await?;
    while let Some(line) = lines.next::<PipelineLine>().await? {
        match &line {
            PipelineLine::Outcome { .. } => return Ok(Some(line)),
            PipelineLine::Event(recorded) if recorded.sequence <= *after => {}
            PipelineLine::Event(recorded) => {
                *after = recorded.sequence;
                display.line(&line)?;
            }
            PipelineLine::Log { .. } | PipelineLine::Trouble { .. } => display.line(&line)?,
        }
    }
    Ok(None)
}

fn lost(run: &str) -> Problem {
    Problem::new(
        Code::ControlPlaneUnavailable,
        format!("following {run}: the control plane ended the stream again and again"),
        format!("look at it with `bascule pipeline show {run}`"),
    )
}

/// What is shown meanwhile: on a terminal a line that moves for each job that runs, elsewhere a line for each that ended.
struct Display {
    screen: Screen,
    said: Said,
    /// The last lines of each job, and how far its log was read: a stream that broke begins the log anew.
    logs: BTreeMap<(String, String, u32), (u64, VecDeque<String>)>,
    live: Option<Live>,
}

struct Live {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Display {
    fn new(screen: Screen) -> Self {
        let is_live = screen.format == Format::Text && screen.is_watched();
        let live = is_live.then(|| Live { all: MultiProgress::new(), bars: BTreeMap::new() });
        Self { screen, said: Said::default(), logs: BTreeMap::new(), live }
    }

    fn line(&mut self, line: &PipelineLine) -> Result<(), Failure> {
        match line {
            PipelineLine::Log { stage, job, attempt, at, lines } => {
                let (read, last) = self.logs.entry((stage.clone(), job.clone(), *attempt)).or_default();
                if *at <= *read {
                    return Ok(());
                }
                *read = *at;
                last.extend(lines.iter().cloned());
                let over = last.len().saturating_sub(LINES);
                last.drain(..over);
                if let (Some(live), Some(line)) = (&self.live, lines.last())
                    && let Some(bar) = live.bars.get(&format!("{stage}/{job}"))
                {
                    bar.set_message(shortened(&escape::line(line), 40));
                }
            }
            PipelineLine::Event(recorded) if self.screen.format == Format::Text => self.event(recorded),
            PipelineLine::Trouble { error } if self.screen.format == Format::Text => {
                self.say(&view::problem(error));
                self.say("  it is tried again, until it can go on or is aborted");
            }
            _ => {}
        }
        if self.screen.format == Format::Json { self.screen.json(line) } else { Ok(()) }
    }

    fn event(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::JobBegan { stage, job, .. } => self.begin(&format!("{stage}/{job}"), &format!("  {job}")),
            Event::StageBegan { stage } => self.begin(stage, &format!("  {stage}")),
            Event::JobDone { stage, job, .. } => self.take_away(&format!("{stage}/{job}")),
            Event::StageEnded { stage, .. } => self.take_away(stage),
            _ => {}
        }
        if let Event::JobDone { stage, job, verdict, .. } = &recorded.event
            && let bascule_pipeline::event::Verdict::Failed(_) = verdict
        {
            let last = self.logs.iter().rev().find(|((s, j, _), _)| s == stage && j == job);
            let lines: Vec<String> =
                last.into_iter().flat_map(|(_, (_, lines))| lines).map(|line| escape::line(line)).collect();
            lines.iter().for_each(|line| self.say(&format!("  │ {}", shortened(line, LONGEST))));
        }
        for line in self.said.on(recorded) {
            self.say(&line);
        }
    }

    fn say(&self, line: &str) {
        match &self.live {
            // The bars go for the moment in which the line is written.
            Some(live) => live.all.suspend(|| self.screen.note(line)),
            None => self.screen.note(line),
        }
    }

    fn begin(&mut self, key: &str, name: &str) {
        let Some(live) = &mut self.live else { return };
        let bar = live.all.add(ProgressBar::new_spinner());
        // The template is a constant of ours; the usual style would do as well.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<20} {elapsed:<8} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(escape::line(name));
        bar.enable_steady_tick(Duration::from_millis(100));
        live.bars.insert(key.to_owned(), bar);
    }

    fn take_away(&mut self, key: &str) {
        if let Some(bar) = self.live.as_mut().and_then(|live| live.bars.remove(key)) {
            bar.finish_and_clear();
        }
    }

    fn end(&mut self) {
        if let Some(live) = self.live.take() {
            live.bars.values().for_each(ProgressBar::finish_and_clear);
        }
    }
}
