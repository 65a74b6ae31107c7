//! Secrets that stand in files in clear.
//!
//! Found are tokens by the shape that their providers give them, private keys, addresses with a password, literals under a
//! name that says that they are a secret, and `.env` files that are committed. A finding has the place and never the value.
//! `bascule:allow-secret REASON` in a comment on the line, or on the one above, says that one is meant to be there.

mod assignment;
mod files;
mod report;

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use bascule_model::secret_shape::{SHAPES, Strength, password_in};

pub use files::{Scan, ScanError, scan};
pub use report::{RULES, Rule, json, sarif, text};

/// What is written in a comment beside a secret that may stay.
pub const ALLOW: &str = "bascule:allow-secret";

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It looks like one.
    Medium,
    /// It can hardly be anything else.
    High,
}

/// A secret in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule, as in `github-token`.
    pub rule: &'static str,
    /// The file, relative to the folder that was looked through, with `/`.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The first character of it in the line, from 1.
    pub column: usize,
    /// What it is, in words.
    pub what: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// The value as it may be shown: how it begins, where its kind always begins so, and how long it is.
    pub masked: String,
}

/// Looks through texts. Made once for many.
pub struct Scanner {
    starts: AhoCorasick,
    /// The shape of each start; those behind are words of names, and the last is `://`.
    shapes: Vec<usize>,
}

/// What stands in names of secrets.
const WORDS: [&str; 10] =
    ["passw", "passphrase", "pwd", "_pass", "secret", "token", "key", "credential", "salt", "db.pass"];

impl Scanner {
    /// One with all rules.
    ///
    /// # Errors
    /// When the rules cannot be put together.
    pub fn new() -> Result<Self, ScanError> {
        let mut texts: Vec<String> = Vec::new();
        let mut shapes = Vec::new();
        for (number, shape) in SHAPES.iter().enumerate() {
            for start in shape.starts {
                // Only the beginning is looked for without regard to capitals; the shape itself is looked at strictly.
                texts.push((*start).to_owned());
                shapes.push(number);
            }
        }
        texts.extend(WORDS.map(str::to_owned));
        texts.push("://".to_owned());
        let starts = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(&texts)
            .map_err(|_| ScanError::Rules)?;
        Ok(Self { starts, shapes })
    }

    /// The findings in a text, in the order of their places.
    #[must_use]
    pub fn text(&self, path: &str, text: &str) -> Vec<Finding> {
        let mut found: Vec<(Range<usize>, &'static str, String, Confidence, &'static str)> = Vec::new();
        let mut names = BTreeSet::new();
        let kind = assignment::FileKind::of(path);
        for hit in self.starts.find_overlapping_iter(text) {
            let number = hit.pattern().as_usize();
            if let Some(shape) = self.shapes.get(number).and_then(|shape| SHAPES.get(*shape)) {
                if let Some(place) = shape.at(text, hit.start()) {
                    let start = shape.starts.iter().find(|start| text[place.clone()].starts_with(**start));
                    let what = shape.what.to_owned();
                    found.push((
                        place,
                        shape.rule,
                        what,
                        Confidence::High,
                        start.copied().unwrap_or_default(),
                    ));
                }
            } else if number == self.shapes.len() + WORDS.len() {
                if let Some(place) = password_in(text, hit.start()) {
                    let what = "an address with a password".to_owned();
                    found.push((place, "address-with-password", what, Confidence::High, ""));
                }
            } else if let Some(assignment) = assignment::at(text, hit.start(), kind)
                && names.insert(assignment.value.start)
            {
                let confidence = match assignment.strength {
                    Strength::Certain => Confidence::High,
                    Strength::Likely => Confidence::Medium,
                    Strength::None => continue,
                };
                let name: String = assignment.name.chars().take(60).collect();
                found.push((
                    assignment.value,
                    "literal-secret",
                    format!("a literal for `{name}`"),
                    confidence,
                    "",
                ));
            }
        }
        // Of two that cover the same, the one that says more: a shape before a name.
        found.sort_by_key(|(place, rule, ..)| {
            (place.start, *rule == "literal-secret", *rule == "address-with-password")
        });
        let mut findings = Vec::new();
        let mut covered = 0;
        let lines = Lines::of(text);
        for (place, rule, what, confidence, start) in found {
            if place.start < covered && !findings.is_empty() {
                continue;
            }
            covered = place.end;
            let (line, column) = lines.place(text, place.start);
            if lines.is_allowed(text, line) {
                continue;
            }
            let length = text[place.clone()].chars().count();
            let masked = format!("{}… ({length} characters)", start.lines().next().unwrap_or_default());
            findings.push(Finding { rule, path: path.to_owned(), line, column, what, confidence, masked });
        }
        findings
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// Line and column of a place, both from 1.
    fn place(&self, text: &str, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at);
        let start = self.0.get(line.saturating_sub(1)).copied().unwrap_or_default();
        (line, text[start..at].chars().count() + 1)
    }

    fn line<'t>(&self, text: &'t str, number: usize) -> &'t str {
        let start = number.checked_sub(1).and_then(|index| self.0.get(index)).copied();
        start.and_then(|start| text[start..].lines().next()).unwrap_or_default()
    }

    /// Whether the line, or a comment on the one above, says with a reason that it may stay.
    fn is_allowed(&self, text: &str, number: usize) -> bool {
        let allows = |line: &str| {
            line.split_once(ALLOW)
                .is_some_and(|(_, reason)| reason.chars().filter(|c| c.is_alphanumeric()).count() >= 3)
        };
        let above = self.line(text, number.saturating_sub(1)).trim_start();
        let is_comment =
            ["#", "//", "--", ";", "<!--", "/*", "*"].iter().any(|start| above.starts_with(start));
        allows(self.line(text, number)) || (number > 1 && is_comment && allows(above))
    }
}

#[cfg(test)]
mod tests;
