//! What a scan found, for people (text), programs (JSON) and code hosts (SARIF 2.1.0, OASIS).

use std::collections::BTreeMap;

use bascule_model::sarif::{self, uri};
use bascule_model::secret_shape::SHAPES;
use serde_json::{Value, json as value};

use super::{Confidence, Finding, Scan};

/// A kind of finding.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it finds.
    pub finds: &'static str,
}

/// The rules beside those of the shapes.
pub const RULES: [Rule; 3] = [
    Rule { name: "address-with-password", finds: "an address with a password: scheme://user:password@host" },
    Rule { name: "literal-secret", finds: "a literal under a name that says that it is a secret" },
    Rule { name: "committed-env-file", finds: "an env file that git tracks" },
];

/// What to do about any of them.
const REMEDY: &str =
    "move it into the store (bascule secret set ENV NAME) and, where it was committed, give it a new value";

/// For a terminal: one finding a line, then what was looked through.
#[must_use]
pub fn text(scan: &Scan) -> String {
    let mut out = String::new();
    for Finding { rule, path, line, column, what, confidence, masked } in &scan.findings {
        let sure = match confidence {
            Confidence::High => "",
            Confidence::Medium => " (may be one)",
        };
        out.push_str(&format!("{path}:{line}:{column}: {what}{sure} [{rule}] {masked}\n"));
    }
    out.push_str(&format!("{} files looked through, {} findings\n", scan.files, scan.findings.len()));
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, why) in &scan.skipped {
        reasons.entry(why).or_default().push(path);
    }
    for (why, paths) in reasons {
        let more = if paths.len() > 3 { format!(" and {} more", paths.len() - 3) } else { String::new() };
        let shown = paths.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        out.push_str(&format!("left out ({why}): {shown}{more}\n"));
    }
    out
}

/// As JSON.
#[must_use]
pub fn json(scan: &Scan) -> Value {
    let findings: Vec<Value> = scan
        .findings
        .iter()
        .map(|finding| {
            value!({
                "rule": finding.rule,
                "path": finding.path,
                "line": finding.line,
                "column": finding.column,
                "what": finding.what,
                "confidence": confidence(finding.confidence),
                "masked": finding.masked,
            })
        })
        .collect();
    let skipped: Vec<Value> =
        scan.skipped.iter().map(|(path, why)| value!({ "path": path, "why": why })).collect();
    value!({
        "findings": findings,
        "files": scan.files,
        "skipped": skipped,
        "from_git": scan.is_repository,
    })
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
    }
}

/// As SARIF. It has no excerpt: that would be the secret.
#[must_use]
pub fn sarif(scan: &Scan, version: &str) -> Value {
    let mut names: Vec<(&str, String)> =
        SHAPES.iter().map(|shape| (shape.rule, shape.what.to_owned())).collect();
    names.dedup_by_key(|(name, _)| *name);
    names.extend(RULES.iter().map(|rule| (rule.name, rule.finds.to_owned())));
    let rules: Vec<Value> = names
        .iter()
        .map(|(name, finds)| {
            value!({
                "id": name,
                "shortDescription": { "text": finds },
                "help": { "text": REMEDY },
                "properties": { "security-severity": "8.5" },
            })
        })
        .collect();
    let results: Vec<Value> = scan
        .findings
        .iter()
        .map(|finding| {
            value!({
                "ruleId": finding.rule,
                "ruleIndex": names.iter().position(|(name, _)| *name == finding.rule),
                "level": if finding.confidence == Confidence::High { "error" } else { "warning" },
                "message": { "text": format!("{}: {}", finding.what, REMEDY) },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": uri(&finding.path) },
                    "region": { "startLine": finding.line, "startColumn": finding.column },
                } }],
            })
        })
        .collect();
    sarif::report(version, &rules, &results)
}
