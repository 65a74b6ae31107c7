//! A summary for the page of a CI system.

use bascule_model::gate::{Decision, GateStatus};

use super::summary;

/// A table, and what to do about those that are in the way.
#[must_use]
pub fn markdown(decisions: &[Decision]) -> String {
    let mut text =
        format!("### Gates: {}\n\n| | gate | condition | value |\n|---|---|---|---|\n", summary(decisions));
    for decision in decisions {
        let mark = match decision.status {
            GateStatus::Pass => "✅",
            GateStatus::Waived => "⚠️",
            GateStatus::Fail | GateStatus::NoData | GateStatus::Stale => "❌",
        };
        text.push_str(&format!(
            "| {mark} {} | {} | `{}` | {} |\n",
            decision.status.as_str(),
            cell(&decision.gate),
            decision.condition.replace(['`', '|', '\n'], " "),
            cell(decision.value.as_deref().unwrap_or("–"))
        ));
    }
    let told: Vec<&Decision> =
        decisions.iter().filter(|decision| decision.status != GateStatus::Pass).collect();
    if !told.is_empty() {
        text.push('\n');
    }
    for decision in told {
        text.push_str(&format!("- **{}**: {}", cell(&decision.gate), cell(&decision.why)));
        if let Some(remedy) = &decision.remedy {
            text.push_str(&format!(". To pass: {}", cell(remedy)));
        }
        text.push('\n');
    }
    text
}

/// Text that stays text within a table.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                cell.push('\\');
                cell.push(letter);
            }
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '\n' | '\r' => cell.push(' '),
            letter => cell.push(letter),
        }
    }
    cell
}
