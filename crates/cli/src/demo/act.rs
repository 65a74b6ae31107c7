//! What came of a scene, from its command's own lines.

use std::time::Duration;

use bascule_engine::progress::Update;
use bascule_model::ids::{ReleaseId, RunId};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Event, Outcome};
use bascule_server::api::{Line, OutcomeLine};
use jiff::Timestamp;
use serde::Serialize;

use crate::demo::scenario::Scene;
use crate::text::time;

/// A scene that was played.
#[derive(Debug, Clone, Serialize)]
pub struct Act {
    /// What it is called.
    pub title: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Its release.
    pub release: Option<ReleaseId>,
    /// The release that has the traffic afterwards.
    pub live_release: Option<ReleaseId>,
    /// The version that has it.
    pub live_version: String,
    /// Its run.
    pub run: RunId,
    /// From the command's start to its end, milliseconds.
    pub took_ms: u64,
    /// The switch itself, milliseconds, where one was made.
    pub switch_ms: Option<f64>,
    /// From the switch until the traffic was back at the former release, milliseconds, where it went back.
    pub back_after_ms: Option<u64>,
    /// The switch back itself, milliseconds.
    pub switch_back_ms: Option<f64>,
    /// Why it was taken back.
    pub error: Option<Problem>,
}

impl Act {
    /// Reads it off the command's lines.
    pub fn new(scene: &Scene, outcome: &OutcomeLine, lines: &[Line], took: Duration) -> Self {
        let switched = switched(lines);
        let back = switched_back(lines);
        Self {
            title: scene.title,
            shows: scene.shows,
            outcome: outcome.outcome,
            release: outcome.release.clone(),
            live_release: outcome.live_release.clone(),
            live_version: scene.live.to_owned(),
            run: outcome.run.clone(),
            took_ms: millis(took),
            switch_ms: outcome.switch_ms,
            back_after_ms: switched
                .zip(back.as_ref())
                .map(|(at, (back, _))| millis(time::between(at, *back))),
            switch_back_ms: back.and_then(|(_, took)| took),
            error: outcome.error.clone(),
        }
    }

    /// Whether it ended as it has to.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn check(&self, scene: &Scene) -> Result<(), Problem> {
        if self.outcome == scene.ends {
            return Ok(());
        }
        let why = self.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
        Err(Problem::new(
            self.error.as_ref().map_or(Code::Internal, |error| error.code),
            format!(
                "{} ({}) was to end as {} and ended as {}{why}",
                scene.title,
                scene.shows,
                scene.ends.as_str(),
                self.outcome.as_str()
            ),
            "the demo's folder has the state and the logs; try again when this machine has less to do",
        ))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn events(lines: &[Line]) -> impl Iterator<Item = (Timestamp, &Event)> {
    lines.iter().filter_map(|line| match line {
        Line::Update(Update::Event { recorded, .. }) => Some((recorded.at, &recorded.event)),
        _ => None,
    })
}

fn switched(lines: &[Line]) -> Option<Timestamp> {
    events(lines).find_map(|(at, event)| match event {
        Event::StepDone { step, .. } if step == "switch" => Some(at),
        _ => None,
    })
}

/// When the switch was undone, and how long that write took, milliseconds.
fn switched_back(lines: &[Line]) -> Option<(Timestamp, Option<f64>)> {
    switched(lines)?;
    events(lines).find_map(|(at, event)| match event {
        Event::UndoDone { step, evidence, .. } if step == "switch" => {
            let micros = evidence.get("micros").and_then(serde_json::Value::as_f64);
            Some((at, micros.map(|micros| micros / 1000.0)))
        }
        _ => None,
    })
}
