//! The page `docs/lint.md`, made of the rules themselves.

use std::fmt::Write as _;

use crate::RULES;

const HEAD: &str = "\
# Rules for migrations

`bascule migrate lint` reads migrations before they are run, and so does every deploy. A finding that blocks stops
it before anything is done. How severe a finding is depends on what is known: with a database at hand, its rows
count (a table that is new or empty hurts nobody), and so does the phase (what goes with the contract breaks no
release that runs).

To take one upon yourself, write before the statement, with a day and a reason:

    -- bascule:allow RULE until=2027-01-31 reason=\"forty rows, written by hand\"

`bascule migrate lint --fix` rewrites what can be rewritten mechanically. This page is made from the rules; a test
fails when it is old.

";

/// The text of `docs/lint.md`.
#[must_use]
pub fn documentation() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| rule | databases | looks for |\n|---|---|---|\n");
    for rule in RULES {
        let _ = writeln!(page, "| [`{0}`](#{0}) | {1} | {2} |", rule.name, dialects(rule), rule.title);
    }
    for rule in RULES {
        let _ = write!(
            page,
            "\n## {}\n\n{}. For {}.\n\n**Why.** {}\n\n**Instead.** {}\n\n**Severity.** {}.\n",
            rule.name,
            capital(rule.title),
            dialects(rule),
            rule.reason,
            rule.safe,
            capital(rule.severity),
        );
    }
    page
}

fn dialects(rule: &crate::Rule) -> String {
    rule.dialects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}
