//! A checklist: each item with what was seen, and what to do where it does not pass.

use bascule_model::gate::{Decision, GateStatus};
use bascule_server::api::Checklist;

use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::wrap::wrap;
use crate::text::{escape, number};
use crate::view::plan::short;

/// The whole page.
pub fn checklist(list: &Checklist) -> String {
    let artifact =
        list.artifact.as_deref().map_or_else(|| "an artifact that is not made yet".to_owned(), short);
    let place = format!("{} of {}", list.key.environment, list.key.app);
    let mut text = format!("{} for {place}, {artifact}\n\n", paint(STRONG, "checklist"));
    for item in &list.items {
        text.push_str(&one(item));
    }
    let blocking = list.items.iter().filter(|item| item.blocks()).count() as u64;
    text.push_str(&match blocking {
        0 => format!("\nall of it passes: `bascule deploy {}`", list.key.environment),
        _ => format!("\n{} of {} in the way", blocking, number::of(list.items.len() as u64, "item")),
    });
    text
}

fn one(item: &Decision) -> String {
    let (mark, style) = match item.status {
        GateStatus::Pass => ("✓", GOOD),
        GateStatus::Waived => ("~", WARNING),
        GateStatus::Fail | GateStatus::NoData | GateStatus::Stale => ("✗", BAD),
    };
    let mut text = format!(
        "  {} {:<14} {}\n",
        paint(style, mark),
        escape::line(&item.gate),
        paint(style, item.status.as_str())
    );
    let mut line = |words: &str| text.push_str(&format!("    {}\n", wrap(&escape::line(words), 4, 4)));
    match &item.value {
        Some(value) => line(&format!("{value}: {}", item.why)),
        None => line(&item.why),
    }
    if let Some(waiver) = &item.waiver {
        line(&format!("waived by {} until {}: {}", waiver.who, waiver.until, waiver.reason));
    }
    if item.blocks()
        && let Some(remedy) = &item.remedy
    {
        line(&format!("→ {remedy}"));
    }
    for evidence in &item.evidence {
        let digest =
            evidence.digest.as_deref().map(|digest| format!(", {}", short(digest))).unwrap_or_default();
        let words = format!("{}{digest}, {} s old", evidence.source, number::count(evidence.age_s));
        text.push_str(&format!("    {}\n", paint(DIM, &wrap(&escape::line(&words), 4, 4))));
    }
    text
}
