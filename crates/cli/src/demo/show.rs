//! What is seen of the demo while it goes on: the scene that plays, and a line for each that ended.

use std::time::Duration;

use bascule_engine::progress::Update;
use bascule_model::run::{Event, Outcome};
use bascule_server::api::Line;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::context::Context;
use crate::demo::act::Act;
use crate::demo::scenario::Scene;
use crate::failure::Failure;
use crate::screen::{Format, Screen};
use crate::text::style::{GOOD, WARNING, paint};
use crate::text::wrap::shortened;
use crate::text::{escape, time};

/// The scene that plays.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows that it begins.
    pub fn begin(screen: Screen, scene: &Scene) -> Self {
        if screen.format == Format::Json || !screen.is_watched() {
            return Self { bar: None };
        }
        let bar = ProgressBar::new_spinner();
        // The template is a constant of ours; the usual style would do as well.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<15} {elapsed:<9} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(scene.title);
        bar.set_message(scene.shows);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar: Some(bar) }
    }

    /// Shows how far it is.
    pub fn line(&mut self, line: &Line) {
        let (Some(bar), Line::Update(update)) = (&self.bar, line) else { return };
        match update {
            Update::Note { step, text, .. } => bar.set_message(format!("{step}: {}", escape::line(text))),
            Update::Event { recorded, .. } => match &recorded.event {
                Event::StepStarted { step, .. } => bar.set_message(step.clone()),
                Event::UndoStarted { step, .. } => bar.set_message(format!("taking back {step}")),
                _ => {}
            },
        }
    }

    /// Takes it away.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Says how a scene ended.
///
/// # Errors
/// When nobody reads any more.
pub fn act(context: &Context, act: &Act) -> Result<(), Failure> {
    match context.screen.format {
        Format::Json => context.screen.json(&json!({ "type": "act", "act": act })),
        Format::Text => {
            let mark = if act.outcome == Outcome::Live { paint(GOOD, "✓") } else { paint(WARNING, "↩") };
            let took = time::took(Duration::from_millis(act.took_ms));
            context.screen.note(&format!(
                "{mark} {:<15} {took:<9} {}",
                act.title,
                shortened(&ended(act), 53)
            ));
            Ok(())
        }
    }
}

/// How it ended, in a few words.
pub fn ended(act: &Act) -> String {
    let ms = |millis: f64| time::took(Duration::from_secs_f64(millis.max(0.0) / 1000.0));
    let code = act.error.as_ref().map(|error| error.code.as_str()).unwrap_or_default();
    match (act.outcome, act.switch_ms, act.back_after_ms) {
        (Outcome::Live, Some(switch), _) => format!("live; the switch took {}", ms(switch)),
        (Outcome::Live, None, _) => "live".to_owned(),
        (_, _, Some(back)) => {
            format!("switched back after {}: {code}", time::took(Duration::from_millis(back)))
        }
        (_, None, None) => format!("taken back before the switch: {code}"),
        _ => format!("{}: {code}", act.outcome.as_str()),
    }
}
