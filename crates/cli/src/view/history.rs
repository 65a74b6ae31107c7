//! The runs of an environment, the newest first.

use bascule_model::run::Outcome;
use bascule_server::api::HistoryEntry;

use crate::text::escape;
use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::{Cell, Table};
use crate::text::wrap::shortened;
use crate::view::Now;

/// The table; a run that did not end well has a line below that says why.
pub fn history(entries: &[HistoryEntry], now: &Now) -> String {
    let mut table = Table::default();
    table.row(["when", "run", "kind", "release", "outcome", "who"].map(|title| Cell::styled(title, STRONG)));
    for entry in entries {
        let stands =
            entry.stands.as_ref().map(|stands| format!(" ({})", escape::line(stands))).unwrap_or_default();
        let release = entry.release.as_ref().map_or_else(String::new, |id| escape::line(id.as_str()));
        table.row([
            now.clock(entry.created_at).into(),
            entry.run.to_string().into(),
            entry.kind.as_str().into(),
            format!("{release}{stands}").into(),
            word(entry.outcome),
            shortened(&escape::line(&entry.actor), 16).into(),
        ]);
        if let Some(problem) = &entry.problem {
            let why = format!(
                "{}: {}",
                problem.code,
                escape::line(problem.message.lines().next().unwrap_or_default())
            );
            table.free(format!("    {}", paint(DIM, &shortened(&why, 76))));
        }
    }
    table.render(0)
}

/// The outcome's word.
pub fn word(outcome: Option<Outcome>) -> Cell {
    match outcome {
        None => Cell::styled("goes on", WARNING),
        Some(Outcome::Live) => Cell::styled("live", GOOD),
        Some(Outcome::Refused) => Cell::styled("refused", WARNING),
        Some(Outcome::RolledBack) => Cell::styled("rolled back", BAD),
        Some(Outcome::Stuck) => Cell::styled("stuck", BAD),
        Some(Outcome::Failed) => Cell::styled("failed", BAD),
    }
}
