//! What a container looks like at a time: a pure function of its script.

use std::time::Duration;

use super::{Behaviour, SHORT};

/// Between two tries in `CrashLoopBackOff`.
const BACK_OFF: Duration = Duration::from_secs(1);

/// A run that is over; times since the start of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub code: i32,
    pub reason: &'static str,
    pub started: Duration,
    pub finished: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Waiting { reason: &'static str, message: String },
    Running { since: Duration },
    Terminated(Ended),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    NotReady,
}

/// How a container looks at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub state: State,
    pub readiness: Readiness,
    pub restarts: u32,
    pub last: Option<Ended>,
    /// When it looks different next, since the start of the pod.
    pub next: Option<Duration>,
}

/// Whether a container that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restarts {
    Always,
    OnFailure,
    Never,
}

impl View {
    pub(crate) fn waiting(reason: &'static str, message: &str, next: Option<Duration>) -> Self {
        let state = State::Waiting { reason, message: message.to_owned() };
        Self { state, readiness: Readiness::NotReady, restarts: 0, last: None, next }
    }

    fn running(since: Duration, ready: Option<Duration>, elapsed: Duration, end: Option<Duration>) -> Self {
        let is_ready = ready.is_some_and(|ready| elapsed >= ready);
        let next = ready.filter(|ready| elapsed < *ready).into_iter().chain(end).min();
        let readiness = if is_ready { Readiness::Ready } else { Readiness::NotReady };
        Self { state: State::Running { since }, readiness, restarts: 0, last: None, next }
    }
}

/// What a container of this behaviour looks like, this long after its start.
pub(crate) fn view(behaviour: &Behaviour, restarts: Restarts, elapsed: Duration) -> View {
    match behaviour {
        Behaviour::Default if restarts == Restarts::Always => ready(SHORT, elapsed),
        Behaviour::Default => {
            ends(&Run { ready: None, run: SHORT, code: 0, reason: "Completed", quick: 1 }, restarts, elapsed)
        }
        Behaviour::Ready { after } => ready(*after, elapsed),
        Behaviour::NeverReady => {
            started(elapsed).unwrap_or_else(|| View::running(SHORT, None, elapsed, None))
        }
        Behaviour::Flapping { period } => {
            let periods = elapsed.as_nanos() / period.as_nanos();
            let next = *period * u32::try_from(periods + 1).unwrap_or(u32::MAX);
            let ready = periods.is_multiple_of(2).then_some(Duration::ZERO);
            View::running(Duration::ZERO, ready, elapsed, Some(next))
        }
        Behaviour::Ends { ready, run, code, reason, quick } => {
            ends(&Run { ready: *ready, run: *run, code: *code, reason, quick: *quick }, restarts, elapsed)
        }
        Behaviour::Waiting { first, then, message } => match started(elapsed) {
            Some(view) => view,
            None if elapsed < 2 * SHORT && first != then => View::waiting(first, message, Some(2 * SHORT)),
            None => View::waiting(then, message, None),
        },
        Behaviour::Unschedulable { .. } => View::waiting("ContainerCreating", "", None),
    }
}

/// `ContainerCreating`, in its first moments.
fn started(elapsed: Duration) -> Option<View> {
    (elapsed < SHORT).then(|| View::waiting("ContainerCreating", "", Some(SHORT)))
}

fn ready(after: Duration, elapsed: Duration) -> View {
    let start = SHORT.min(after / 2);
    if elapsed < start {
        return View::waiting("ContainerCreating", "", Some(start));
    }
    View::running(start, Some(after), elapsed, None)
}

struct Run {
    ready: Option<Duration>,
    run: Duration,
    code: i32,
    reason: &'static str,
    quick: u32,
}

fn ends(run: &Run, restarts: Restarts, elapsed: Duration) -> View {
    let is_restarted = restarts == Restarts::Always || restarts == Restarts::OnFailure && run.code != 0;
    let mut begin = Duration::ZERO;
    let mut last: Option<Ended> = None;
    for count in 0.. {
        let end = begin + run.run;
        if elapsed < end {
            let ready = run.ready.map(|ready| begin + ready);
            let mut view = View::running(begin, ready, elapsed, Some(end));
            (view.restarts, view.last) = (count, last);
            return view;
        }
        let ended = Ended { code: run.code, reason: run.reason, started: begin, finished: end };
        let terminated = State::Terminated(ended.clone());
        let over =
            View { state: terminated, readiness: Readiness::NotReady, restarts: count, last, next: None };
        if !is_restarted {
            return over;
        }
        let is_backing_off = count + 1 >= run.quick;
        begin = end + if is_backing_off { BACK_OFF } else { SHORT };
        if elapsed < begin {
            if !is_backing_off {
                return View { next: Some(begin), ..over };
            }
            let message = "back-off 10s restarting failed container";
            let mut view = View::waiting("CrashLoopBackOff", message, Some(begin));
            (view.restarts, view.last) = (count, Some(ended));
            return view;
        }
        last = Some(ended);
    }
    View::waiting("ContainerCreating", "", None)
}

#[cfg(test)]
mod tests {
    use super::super::PodScript;
    use super::*;

    fn at(script: &PodScript, restarts: Restarts, milliseconds: u64) -> (String, Readiness, u32) {
        let view = view(&script.behaviour, restarts, Duration::from_millis(milliseconds));
        let state = match view.state {
            State::Waiting { reason, .. } => reason.to_owned(),
            State::Running { .. } => "Running".to_owned(),
            State::Terminated(ended) => format!("{} {}", ended.reason, ended.code),
        };
        (state, view.readiness, view.restarts)
    }

    #[test]
    fn scripts_over_time() {
        use Readiness::{NotReady, Ready};
        let second = Duration::from_secs(1);
        let cases = [
            (PodScript::ready_after(second), Restarts::Always, 999, "Running", NotReady, 0),
            (PodScript::ready_after(second), Restarts::Always, 1000, "Running", Ready, 0),
            (PodScript::ready_after(Duration::ZERO), Restarts::Always, 0, "Running", Ready, 0),
            (PodScript::never_ready(), Restarts::Always, 9, "ContainerCreating", NotReady, 0),
            (PodScript::never_ready(), Restarts::Always, 99_999, "Running", NotReady, 0),
            (PodScript::flapping(second), Restarts::Always, 500, "Running", Ready, 0),
            (PodScript::flapping(second), Restarts::Always, 1500, "Running", NotReady, 0),
            (PodScript::crash_loop(2), Restarts::Always, 15, "Error 1", NotReady, 0),
            (PodScript::crash_loop(2), Restarts::Always, 25, "Running", NotReady, 1),
            (PodScript::crash_loop(2), Restarts::Always, 35, "CrashLoopBackOff", NotReady, 1),
            (PodScript::crashes_after(second), Restarts::Always, 20, "Running", Ready, 0),
            (PodScript::crashes_after(second), Restarts::Always, 1001, "CrashLoopBackOff", NotReady, 0),
            (PodScript::oom_killed(), Restarts::Never, 20, "OOMKilled 137", NotReady, 0),
            (PodScript::exits(0, second), Restarts::OnFailure, 1001, "Completed 0", NotReady, 0),
            (PodScript::exits(3, second), Restarts::OnFailure, 1001, "CrashLoopBackOff", NotReady, 0),
            (PodScript::image_pull_back_off(), Restarts::Always, 15, "ErrImagePull", NotReady, 0),
            (PodScript::image_pull_back_off(), Restarts::Always, 25, "ImagePullBackOff", NotReady, 0),
            (PodScript::invalid_image_name(), Restarts::Always, 25, "InvalidImageName", NotReady, 0),
            (PodScript::default(), Restarts::Never, 25, "Completed 0", NotReady, 0),
        ];
        for (script, restarts, when, state, readiness, count) in cases {
            assert_eq!(
                at(&script, restarts, when),
                (state.to_owned(), readiness, count),
                "{script:?} at {when}"
            );
        }
    }
}
