//! Users, as far as a bake needs them, and what a report says about one.

use std::net::SocketAddr;
use std::time::Duration;

use bascule_load::{Figures, Load, Profile};
use serde_json::Value;

use crate::support::command::Running;
use crate::support::wait;

/// Users who ask so many times a second, on a few connections.
pub fn users(door: SocketAddr, rate: f64) -> Users {
    let profile = Profile {
        http1: 4,
        http2: 4,
        rate_per_second: Some(rate),
        patience: Duration::from_secs(20),
        ..Profile::idle(door)
    };
    Users(bascule_load::start(profile).unwrap())
}

/// A load.
pub struct Users(Load);

impl Users {
    /// Ends it, and fails if a request was lost.
    #[track_caller]
    pub fn lost_nothing(self) -> Figures {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let figures = runtime.block_on(self.0.stop());
        assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
        assert!(figures.ok() > 0, "{figures:#?}");
        figures
    }
}

/// What the last event of that kind and step in a report holds.
#[track_caller]
pub fn evidence(report: &Value, kind: &str, step: &str) -> Value {
    let events = report["events"].as_array().unwrap();
    let event = events.iter().rev().find(|event| {
        let event = event.get("event").unwrap_or(event);
        event["kind"] == kind && event["step"] == step
    });
    let event = event.unwrap_or_else(|| panic!("no {kind} of {step}: {report:#}"));
    event.get("event").unwrap_or(event)["evidence"].clone()
}

/// Waits until a followed command has said a text.
pub fn wait_for_word(running: &Running, word: &str) {
    wait::until_ok(&format!("{word:?}"), || {
        let said = running.said();
        if said.contains(word) { Ok(()) } else { Err(said) }
    });
}
