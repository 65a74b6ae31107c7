//! Gates over a value of a report of the project's own.

use bascule_model::gate::ReportKind;
use bascule_model::manifest::CustomGate;

use super::{Kept, Seen, read_all, without};
use crate::read;

/// A longer value is not shown whole, in characters.
const SHOWN: usize = 60;

/// Judges the last of the reports with that path.
pub(super) fn judge(gate: &CustomGate, kept: &[Kept<'_>]) -> Seen {
    let (good, bad) = read_all(kept, read::custom);
    if let Some(nothing) = without(ReportKind::Custom, kept, &bad) {
        return nothing;
    }
    let place = gate.place.as_str();
    let Some(value) = good.last().and_then(|document| gate.place.select(document)) else {
        return Seen::nothing(
            format!("{} has nothing at {place}", gate.path.as_str()),
            "name a place that is in the report, as in reports/size.json:$.total",
        );
    };
    let text = value.to_string();
    let shown = if text.chars().count() > SHOWN {
        format!("{}…", text.chars().take(SHOWN).collect::<String>())
    } else {
        text
    };
    let says = gate.condition.as_str();
    match gate.condition.holds(value) {
        Ok(true) => Seen::pass(shown.clone(), format!("{place} is {shown}")),
        Ok(false) => Seen::fail(
            shown.clone(),
            format!("{place} is {shown}"),
            format!("bring it to where `{says}` holds"),
        ),
        Err(undecided) => Seen::nothing(
            format!("`{says}` cannot be decided of {shown}: {undecided}"),
            "write a condition that fits the value",
        ),
    }
}
