//! `watch`: changes as lines, from a version on.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::read::Selection;
use crate::answer::Answer;
use crate::convert;
use crate::core::Core;
use crate::failure::Failure;
use crate::request::{Query, Target};
use crate::shared::Shared;
use crate::store::Change;

/// How often a watch that allows it gets a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

struct Watch {
    shared: Shared,
    target: Target,
    selection: Selection,
    /// What was told already.
    version: u64,
    epoch: u64,
    waiting: VecDeque<Bytes>,
    changed: Receiver<u64>,
    ends: Instant,
    bookmark: Option<Instant>,
    is_over: bool,
}

pub(crate) fn watch(shared: &Shared, core: &Core, target: &Target, query: &Query) -> Result<Answer, Failure> {
    let selection = Selection::of(query, target.resource.plural)?;
    let from = query.number("resourceVersion").unwrap_or(0);
    let wants_bookmarks = query.is_on("allowWatchBookmarks");
    let now = Instant::now();
    let mut watch = Watch {
        shared: shared.clone(),
        target: target.clone(),
        selection,
        version: from,
        epoch: core.watch_epoch,
        waiting: VecDeque::new(),
        changed: core.store.subscribe(),
        ends: now + Duration::from_secs(query.number("timeoutSeconds").unwrap_or(1800)),
        bookmark: wants_bookmarks.then(|| now + BOOKMARK_EVERY),
        is_over: false,
    };
    let wants_initial = query.is_on("sendInitialEvents");
    if from == 0 || wants_initial {
        watch.begin_with_all(core);
        if wants_initial && wants_bookmarks {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            watch.push_bookmark(&annotations);
        }
    }
    watch.read(core);
    let lines = stream::unfold(watch, |mut watch| async move { Some((watch.next().await?, watch)) });
    Ok(Answer::Stream { content_type: "application/json", lines: Box::pin(lines) })
}

impl Watch {
    fn begin_with_all(&mut self, core: &Core) {
        for object in core.store.list(self.target.resource.plural, &self.target.namespace) {
            if self.selection.has(&object) {
                self.push("ADDED", &object);
            }
        }
        self.version = core.store.version();
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                let lag = self.shared.lock().watch_lag;
                if !lag.is_zero() {
                    sleep(lag).await;
                }
                return Some(line);
            }
            if self.is_over || Instant::now() >= self.ends {
                return None;
            }
            let due = {
                let shared = self.shared.clone();
                let mut core = shared.lock();
                core.settle();
                self.changed.mark_unchanged();
                self.read(&core);
                core.due
            };
            if !self.waiting.is_empty() || self.is_over {
                continue;
            }
            let wake = [due, self.bookmark].into_iter().flatten().fold(self.ends, Instant::min);
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Takes in what happened since the version that was told.
    fn read(&mut self, core: &Core) {
        if core.watch_epoch != self.epoch {
            self.is_over = true;
            return;
        }
        if self.version < core.store.oldest() {
            let gone = Failure::expired(self.version, core.store.oldest());
            self.push_line(&json!({"type": "ERROR", "object": gone.status()}));
            self.is_over = true;
            return;
        }
        for change in core.store.since(self.version) {
            if let Some((kind, object)) = self.event(change) {
                self.push(kind, &object);
            }
        }
        // Who asks from a version to come is told nothing before.
        self.version = self.version.max(core.store.version());
        if self.bookmark.is_some_and(|when| Instant::now() >= when) {
            self.bookmark = Some(Instant::now() + BOOKMARK_EVERY);
            self.push_bookmark(&json!({}));
        }
    }

    /// What a change is for this watch: an object that no longer matches has gone.
    fn event(&self, change: &Change) -> Option<(&'static str, Value)> {
        let namespace = &self.target.namespace;
        if change.key.plural != self.target.resource.plural
            || !(namespace.is_empty() || *namespace == change.key.namespace)
        {
            return None;
        }
        let before = change.before.as_deref().filter(|object| self.selection.has(object));
        let after = change.after.as_deref().filter(|object| self.selection.has(object));
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(("ADDED", after.clone())),
            (Some(_), Some(after)) => Some(("MODIFIED", after.clone())),
            (Some(before), None) => {
                let mut last = before.clone();
                last["metadata"]["resourceVersion"] = json!(change.version.to_string());
                Some(("DELETED", last))
            }
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let object = convert::to(self.target.resource, object);
        self.push_line(&json!({"type": kind, "object": object}));
    }

    fn push_bookmark(&mut self, annotations: &Value) {
        let resource = self.target.resource;
        let mut metadata = json!({"resourceVersion": self.version.to_string(), "creationTimestamp": null});
        if annotations.as_object().is_some_and(|all| !all.is_empty()) {
            metadata["annotations"] = annotations.clone();
        }
        let object =
            json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata});
        self.push_line(&json!({"type": "BOOKMARK", "object": object}));
    }

    fn push_line(&mut self, line: &Value) {
        self.waiting.push_back(Bytes::from(format!("{line}\n")));
    }
}
