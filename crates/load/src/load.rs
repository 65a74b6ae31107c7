//! Starting and stopping a load. It has a thread and a runtime of its own; what it found can be read at any time.

use std::rc::Rc;
use std::thread;
use std::time::Duration;

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::Target;
use crate::record::Recorder;
use crate::{Figures, LoadError, Profile, workers};

/// A load that is going. Dropping it ends it without waiting for what is under way.
#[derive(Debug)]
pub struct Load {
    recorder: Recorder,
    stop: watch::Sender<bool>,
    done: oneshot::Receiver<()>,
    patience: Duration,
}

/// Starts the load on a thread of its own.
///
/// # Errors
/// When the system gives no thread or runtime, or when the profile's host or path cannot stand in a request.
pub fn start(profile: Profile) -> Result<Load, LoadError> {
    let host = profile.host.clone().unwrap_or_else(|| profile.target.to_string());
    // Parsed as an authority, because HTTP/2 carries it in the request's address.
    let header = host.parse::<Authority>().ok().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    let Some(header) = header else { return Err(LoadError::Host { host }) };
    if let Some(path) = &profile.path
        && (!path.starts_with('/') || path.parse::<PathAndQuery>().is_err())
    {
        return Err(LoadError::Path { path: path.clone() });
    }

    let recorder = Recorder::new(&profile);
    let (stop, stopping) = watch::channel(false);
    let (tell_done, done) = oneshot::channel();
    let (tell_ready, ready) = std::sync::mpsc::channel();
    // A body's pace can hold a worker longer than an answer does.
    let body = profile.body_rate.map_or(0.0, |rate| profile.body_bytes as f64 / rate.max(1) as f64);
    let patience = profile.patience * 2 + profile.slow_for + Duration::from_secs_f64(body.min(3600.0));

    let record = recorder.clone();
    thread::Builder::new().name("load".to_owned()).spawn(move || {
        // Made here, because it cannot leave the thread it works on.
        let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let _ = tell_ready.send(Ok(()));
                runtime
            }
            Err(error) => {
                let _ = tell_ready.send(Err(error));
                return;
            }
        };
        work(&runtime, profile, header, record, stopping, patience);
        let _ = tell_done.send(());
    })?;
    if let Ok(Err(error)) = ready.recv() {
        return Err(LoadError::Thread(error));
    }
    Ok(Load { recorder, stop, done, patience })
}

fn work(
    runtime: &LocalRuntime,
    profile: Profile,
    host: HeaderValue,
    recorder: Recorder,
    stopping: watch::Receiver<bool>,
    patience: Duration,
) {
    runtime.block_on(async move {
        let target = Target {
            address: profile.target,
            host,
            patience: profile.patience,
            retry: profile.retry,
            recorder: recorder.clone(),
        };
        let mut told = stopping.clone();
        let mut crew = JoinSet::new();
        workers::set_to_work(&mut crew, &profile, &Rc::new(target), &stopping);
        // An error is a load that was dropped: nobody waits for what is under way.
        if told.wait_for(|stop| *stop).await.is_err() {
            return;
        }
        recorder.stop();
        let all = async { while crew.join_next().await.is_some() {} };
        let _ = timeout(patience, all).await;
    });
}

impl Load {
    /// The figures so far.
    pub fn snapshot(&self) -> Figures {
        self.recorder.figures()
    }

    /// The zero of all times in the figures.
    pub fn started_at(&self) -> Instant {
        self.recorder.start()
    }

    /// Looks at the figures until they are as wished, at most for `limit`; `None` when they did not become so.
    pub async fn wait_until(&self, limit: Duration, wish: impl Fn(&Figures) -> bool) -> Option<Figures> {
        let deadline = Instant::now() + limit;
        loop {
            let figures = self.snapshot();
            if wish(&figures) {
                return Some(figures);
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Begins nothing new, waits for what is under way, closes the WebSockets, and gives the figures. What did not end
    /// within the profile's patience stays under way in them.
    pub async fn stop(self) -> Figures {
        self.stop.send_replace(true);
        let _ = timeout(self.patience, self.done).await;
        self.recorder.figures()
    }
}
