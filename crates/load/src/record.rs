//! Where the workers write down what happens. One lock, held for a few instructions and never across a wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use tokio::time::Instant;

use crate::figures::{EventFigures, WebsocketFigures};
use crate::histogram::Histogram;
use crate::{Cause, Failure, Figures, Kind, KindFigures, Latency, Profile, Version};

const FAILURES_KEPT: usize = 100;

/// The record of a load; clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Mutex<Record>>);

#[derive(Debug)]
struct Record {
    start: Instant,
    /// When the load was told to stop: the figures' clock stands still from then on.
    stopped: Option<Instant>,
    kinds: BTreeMap<Kind, KindFigures>,
    latency: Histogram,
    last_success: Option<Instant>,
    max_gap_us: u64,
    /// Few, so a list: the header's bytes are compared without making a string.
    versions: Vec<(String, Version)>,
    websockets: WebsocketFigures,
    events: EventFigures,
    failures: Vec<Failure>,
}

/// Which retry it was.
#[derive(Clone, Copy)]
pub(crate) enum Again {
    Unsent,
    Reused,
}

impl Recorder {
    /// A record with a place for each kind of load that the profile has.
    pub(crate) fn new(profile: &Profile) -> Self {
        let kinds = profile.kinds().map(|kind| (kind, KindFigures::default())).collect();
        Self(Arc::new(Mutex::new(Record {
            start: Instant::now(),
            stopped: None,
            kinds,
            latency: Histogram::default(),
            last_success: None,
            max_gap_us: 0,
            versions: Vec::new(),
            websockets: WebsocketFigures::default(),
            events: EventFigures::default(),
            failures: Vec::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn start(&self) -> Instant {
        self.lock().start
    }

    pub(crate) fn started(&self, kind: Kind) {
        self.lock().kind(kind).started += 1;
    }

    pub(crate) fn ok(&self, kind: Kind) {
        self.lock().kind(kind).ok += 1;
    }

    /// A plain request succeeded, which was due at `since`.
    pub(crate) fn plain_ok(&self, kind: Kind, since: Instant) {
        let now = Instant::now();
        let mut record = self.lock();
        record.kind(kind).ok += 1;
        record.latency.add(micros(since, now));
        record.close_gap(now);
        record.last_success = Some(now);
    }

    pub(crate) fn injected(&self, kind: Kind) {
        self.lock().kind(kind).injected += 1;
    }

    pub(crate) fn failed(&self, kind: Kind, cause: Cause, detail: String) {
        let mut record = self.lock();
        *record.kind(kind).failed.entry(cause).or_default() += 1;
        if record.failures.len() < FAILURES_KEPT {
            let at_ms = micros(record.start, Instant::now()) / 1000;
            record.failures.push(Failure { at_ms, kind, cause, detail });
        }
    }

    pub(crate) fn again(&self, kind: Kind, again: Again) {
        let mut record = self.lock();
        let retries = &mut record.kind(kind).retries;
        match again {
            Again::Unsent => retries.unsent += 1,
            Again::Reused => retries.reused += 1,
        }
    }

    /// Counts an answer for the version that its headers name.
    pub(crate) fn answered(&self, headers: &HeaderMap) {
        let Some(version) = headers.get("x-shop-version").and_then(|value| value.to_str().ok()) else {
            return;
        };
        let mut record = self.lock();
        let now = micros(record.start, Instant::now());
        match record.versions.iter_mut().find(|(known, _)| known == version) {
            Some((_, figures)) => {
                figures.answers += 1;
                figures.last_us = now;
            }
            None => {
                let figures = Version { answers: 1, first_us: now, last_us: now };
                record.versions.push((version.to_owned(), figures));
            }
        }
    }

    pub(crate) fn websockets(&self, change: impl FnOnce(&mut WebsocketFigures)) {
        change(&mut self.lock().websockets);
    }

    pub(crate) fn events(&self, change: impl FnOnce(&mut EventFigures)) {
        change(&mut self.lock().events);
    }

    /// From here on nothing new is begun: what follows is no gap.
    pub(crate) fn stop(&self) {
        let now = Instant::now();
        let mut record = self.lock();
        record.close_gap(now);
        record.stopped.get_or_insert(now);
    }

    pub(crate) fn figures(&self) -> Figures {
        let record = self.lock();
        let now = record.stopped.unwrap_or_else(Instant::now);
        let latency = &record.latency;
        Figures {
            elapsed_ms: micros(record.start, now) / 1000,
            kinds: record.kinds.clone(),
            latency: Latency {
                p50_us: latency.quantile(0.5),
                p95_us: latency.quantile(0.95),
                p99_us: latency.quantile(0.99),
                p999_us: latency.quantile(0.999),
                max_us: latency.max(),
            },
            max_gap_ms: record.max_gap_us.max(record.gap(now)) as f64 / 1000.0,
            versions: record.versions.iter().cloned().collect(),
            websockets: record.websockets.clone(),
            events: record.events.clone(),
            failures: record.failures.clone(),
        }
    }
}

impl Record {
    fn kind(&mut self, kind: Kind) -> &mut KindFigures {
        self.kinds.entry(kind).or_default()
    }

    fn gap(&self, now: Instant) -> u64 {
        match self.stopped {
            Some(_) => 0,
            None => self.last_success.map_or(0, |last| micros(last, now)),
        }
    }

    fn close_gap(&mut self, now: Instant) {
        self.max_gap_us = self.max_gap_us.max(self.gap(now));
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
