//! For a terminal of 80 columns, without colour.

use bascule_model::gate::{Decision, GateStatus};

use super::summary;

const WIDTH: usize = 80;

/// One block for each gate: what it says, the value beside the condition, why, what to do, and what it rests on.
#[must_use]
pub fn text(decisions: &[Decision]) -> String {
    let mut text = String::new();
    let widest = decisions.iter().map(|decision| decision.gate.chars().count()).max().unwrap_or(0);
    for decision in decisions {
        let mark = match decision.status {
            GateStatus::Pass => '✓',
            GateStatus::Fail => '✗',
            GateStatus::NoData => '?',
            GateStatus::Stale => '~',
            GateStatus::Waived => '!',
        };
        let optional = if decision.required { "" } else { "  (not required)" };
        text.push_str(&format!(
            "{mark} {:<8} {:<widest$}  {}{optional}\n",
            decision.status.as_str(),
            decision.gate,
            decision.condition
        ));
        let mut under = |what: &str, says: &str| {
            text.push_str(&wrapped(&format!("{what}{says}"), 11));
        };
        under("", decision.value.as_deref().unwrap_or(&decision.why));
        if decision.value.is_some() && decision.status != GateStatus::Pass {
            under("", &decision.why);
        }
        if let Some(remedy) = decision.remedy.as_ref().filter(|_| decision.status != GateStatus::Pass) {
            under("to pass: ", remedy);
        }
        for evidence in &decision.evidence {
            let digest =
                evidence.digest.as_deref().map_or("not there", |digest| digest.get(..12).unwrap_or(digest));
            under("seen in ", &format!("{} ({digest}, {} old)", evidence.source, age(evidence.age_s)));
        }
    }
    text.push_str(&summary(decisions));
    text.push('\n');
    text
}

/// An age in its largest unit.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Words in lines of the terminal's width, indented.
fn wrapped(words: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&format!("{:indent$}{line}\n", ""));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        text.push_str(&format!("{:indent$}{line}\n", ""));
    }
    text
}
