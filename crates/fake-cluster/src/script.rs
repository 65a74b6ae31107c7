//! What containers of an image do.

mod view;

pub(crate) use view::{Ended, Readiness, Restarts, State, View, view};

use std::time::Duration;

/// How long what takes no time takes: to start, to stop, to come again after a crash.
const SHORT: Duration = Duration::from_millis(10);

/// The behaviour of all containers of one image. An image without a script is ready after 10 ms; in a pod that is not
/// restarted (`restartPolicy` other than `Always`) it ends well after 10 ms.
#[derive(Debug, Clone)]
pub struct PodScript {
    pub(crate) behaviour: Behaviour,
    pub(crate) stop: Duration,
    pub(crate) logs: Vec<String>,
    pub(crate) previous_logs: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    Default,
    Ready {
        after: Duration,
    },
    NeverReady,
    Flapping {
        period: Duration,
    },
    /// Runs, ready from `ready` on, and ends; again and again where the pod restarts it.
    Ends {
        ready: Option<Duration>,
        run: Duration,
        code: i32,
        reason: &'static str,
        quick: u32,
    },
    Waiting {
        first: &'static str,
        then: &'static str,
        message: String,
    },
    Unschedulable {
        message: String,
    },
}

impl PodScript {
    fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, stop: SHORT, logs: Vec::new(), previous_logs: Vec::new() }
    }

    /// Ready this long after its start.
    #[must_use]
    pub fn ready_after(after: Duration) -> Self {
        Self::new(Behaviour::Ready { after })
    }

    /// Runs, and its readiness probe fails.
    #[must_use]
    pub fn never_ready() -> Self {
        Self::new(Behaviour::NeverReady)
    }

    /// Ready for a period, not ready for a period, and so on.
    #[must_use]
    pub fn flapping(period: Duration) -> Self {
        Self::new(Behaviour::Flapping { period: period.max(Duration::from_millis(1)) })
    }

    /// Exits with 1 soon after its start; after this many times it is in `CrashLoopBackOff`, and tried again every
    /// second.
    #[must_use]
    pub fn crash_loop(times: u32) -> Self {
        let reason = "Error";
        Self::new(Behaviour::Ends { ready: None, run: SHORT, code: 1, reason, quick: times.max(1) })
    }

    /// Ready at first, exits with 1 after `run`, and so on: `CrashLoopBackOff` after the first time.
    #[must_use]
    pub fn crashes_after(run: Duration) -> Self {
        Self::new(Behaviour::Ends {
            ready: Some(SHORT),
            run: run.max(SHORT),
            code: 1,
            reason: "Error",
            quick: 1,
        })
    }

    /// Is killed for its memory soon after its start, again and again.
    #[must_use]
    pub fn oom_killed() -> Self {
        Self::new(Behaviour::Ends { ready: None, run: SHORT, code: 137, reason: "OOMKilled", quick: 1 })
    }

    /// Ends by itself: for jobs and init containers.
    #[must_use]
    pub fn exits(code: i32, after: Duration) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Self::new(Behaviour::Ends {
            ready: None,
            run: after.max(Duration::from_millis(1)),
            code,
            reason,
            quick: 1,
        })
    }

    /// The image cannot be pulled: `ErrImagePull`, then `ImagePullBackOff`.
    #[must_use]
    pub fn image_pull_back_off() -> Self {
        let message = "manifest unknown".to_owned();
        Self::new(Behaviour::Waiting { first: "ErrImagePull", then: "ImagePullBackOff", message })
    }

    /// The image is named wrongly.
    #[must_use]
    pub fn invalid_image_name() -> Self {
        let message = "couldn't parse image reference: invalid reference format".to_owned();
        Self::new(Behaviour::Waiting { first: "InvalidImageName", then: "InvalidImageName", message })
    }

    /// The container cannot be made of its configuration. A `ConfigMap`, `Secret` or key that is missing does the
    /// same without a script.
    #[must_use]
    pub fn create_container_config_error(message: &str) -> Self {
        let reason = "CreateContainerConfigError";
        Self::new(Behaviour::Waiting { first: reason, then: reason, message: message.to_owned() })
    }

    /// No node takes the pod.
    #[must_use]
    pub fn unschedulable(message: &str) -> Self {
        Self::new(Behaviour::Unschedulable { message: message.to_owned() })
    }

    /// How long it takes to stop, at most the pod's grace period. 10 ms where it is not said.
    #[must_use]
    pub fn stops_after(mut self, stop: Duration) -> Self {
        self.stop = stop;
        self
    }

    /// What it writes.
    #[must_use]
    pub fn logs<'a>(mut self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.logs = lines.into_iter().map(str::to_owned).collect();
        self
    }

    /// What the run before wrote (`previous=true`). The same as [`PodScript::logs`] where it is not said.
    #[must_use]
    pub fn previous_logs<'a>(mut self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.previous_logs = lines.into_iter().map(str::to_owned).collect();
        self
    }
}

impl Default for PodScript {
    fn default() -> Self {
        Self::new(Behaviour::Default)
    }
}
