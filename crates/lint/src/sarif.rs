//! Findings for code hosts and editors: SARIF 2.1.0 (OASIS).

use bascule_model::sarif::{report, uri};
use serde_json::{Value, json};

use crate::{Finding, RULES, Severity};

/// The findings as SARIF. `base` is the folder of the migrations (`migrations`), to which the paths are
/// relative.
#[must_use]
pub fn sarif(findings: &[Finding], version: &str, base: &str) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name,
                "shortDescription": { "text": rule.title },
                "fullDescription": { "text": rule.reason },
                "help": { "text": rule.safe },
            })
        })
        .collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, base)).collect();
    report(version, &rules, &results)
}

fn result(finding: &Finding, base: &str) -> Value {
    let level = match finding.severity {
        Severity::Block => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    };
    let artifact = json!({ "uri": uri(&joined(base, &finding.path)) });
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level,
        "message": { "text": format!("{}. {}", finding.reason, finding.safe) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": artifact,
                "region": { "startLine": finding.line, "snippet": { "text": finding.excerpt } },
            },
        }],
    });
    if let Some(index) = RULES.iter().position(|rule| rule.name == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(edit) = &finding.fix {
        result["fixes"] = json!([{
            "description": { "text": finding.safe },
            "artifactChanges": [{
                "artifactLocation": artifact,
                "replacements": [{
                    "deletedRegion": { "byteOffset": edit.start, "byteLength": edit.end - edit.start },
                    "insertedContent": { "text": edit.replacement },
                }],
            }],
        }]);
    }
    result
}

fn joined(base: &str, path: &str) -> String {
    match base.trim_end_matches('/').trim_start_matches("./") {
        "" | "." => path.to_owned(),
        base => format!("{base}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_path_is_below_its_folder() {
        assert_eq!(["migrations", "./migrations/"].map(|base| joined(base, "a")), ["migrations/a"; 2]);
        assert_eq!(joined("", "a"), "a");
    }
}
