//! The runs of an environment, the newest first.

use bascule_model::run::Outcome;
use bascule_server::api::HistoryEntry;

use crate::provenance;
use crate::text::escape;
use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::{Cell, Table};
use crate::text::wrap::shortened;
use crate::view::Now;

/// The longest name of who asked: with it, and with the longest day and release, a line is 80 wide.
const WHO: usize = 9;

/// The table; a run that did not end well has a line below that says why.
pub fn history(entries: &[HistoryEntry], now: &Now) -> String {
    let mut table = Table::default();
    table.row(
        ["when", "run", "kind", "release", "", "outcome", "who"].map(|title| Cell::styled(title, STRONG)),
    );
    for entry in entries {
        let release = entry.release.as_ref().map_or_else(String::new, |id| escape::line(id.as_str()));
        table.row([
            now.clock(entry.created_at).into(),
            entry.run.to_string().into(),
            entry.kind.as_str().into(),
            release.into(),
            mark(entry.stands.as_deref()).into(),
            word(entry.outcome),
            shortened(&escape::line(user(&entry.actor)), WHO).into(),
        ]);
        if let Some(provenance) = &entry.provenance {
            let mut words = format!("commit {}", provenance::words(provenance));
            if let Some(promoted) = &entry.promoted {
                words.push_str(&format!(", from {} {}", promoted.environment, promoted.release));
            }
            table.free(format!("    {}", paint(DIM, &shortened(&words, 76))));
        }
        if let Some(problem) = &entry.problem {
            let why = format!(
                "{}: {}",
                problem.code,
                escape::line(problem.message.lines().next().unwrap_or_default())
            );
            table.free(format!("    {}", paint(DIM, &shortened(&why, 76))));
        }
    }
    if entries.iter().any(|entry| entry.stands.is_some()) {
        table.free(paint(DIM, "● has the traffic now   ○ stands by"));
    }
    table.render(0)
}

/// Where the release stands now.
fn mark(stands: Option<&str>) -> &'static str {
    match stands {
        Some("live") => "●",
        Some(_) => "○",
        None => "",
    }
}

/// The user without the machine, which the report has.
fn user(actor: &str) -> &str {
    actor.split('@').next().unwrap_or(actor)
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
