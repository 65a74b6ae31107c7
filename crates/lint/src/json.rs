//! Findings for programs.

use serde::Serialize;

use crate::{Finding, Severity};

#[derive(Serialize)]
struct Report<'a> {
    findings: &'a [Finding],
    blocks: usize,
    warnings: usize,
    hints: usize,
}

/// The findings as JSON, with their counts.
#[must_use]
pub fn json(findings: &[Finding]) -> serde_json::Value {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let report = Report {
        findings,
        blocks: of(Severity::Block),
        warnings: of(Severity::Warning),
        hints: of(Severity::Hint),
    };
    // Strings, numbers and lists: there is nothing in it that JSON does not have.
    serde_json::to_value(&report).unwrap_or_default()
}
