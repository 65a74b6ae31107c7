//! SARIF: each gate that does not pass is a finding.

use bascule_model::gate::{Decision, GateStatus};
use bascule_model::sarif;
use serde_json::{Value, json};

/// The report. `version` is this program's.
#[must_use]
pub fn sarif(decisions: &[Decision], version: &str) -> Value {
    let rules: Vec<Value> = decisions
        .iter()
        .map(|decision| {
            json!({
                "id": format!("gate/{}", decision.gate),
                "shortDescription": { "text": format!("{} {}", decision.gate, decision.condition) },
            })
        })
        .collect();
    let results: Vec<Value> = decisions
        .iter()
        .enumerate()
        .filter(|(_, decision)| decision.status != GateStatus::Pass)
        .map(|(at, decision)| {
            let remedy =
                decision.remedy.as_ref().map(|remedy| format!(". To pass: {remedy}")).unwrap_or_default();
            let mut result = json!({
                "ruleId": format!("gate/{}", decision.gate),
                "ruleIndex": at,
                "level": if decision.blocks() { "error" } else { "note" },
                "message": { "text": format!("{}: {}{remedy}", decision.gate, decision.why) },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "bascule.toml" } } }],
            });
            if let Some(waiver) = &decision.waiver {
                result["suppressions"] = json!([{
                    "kind": "external",
                    "status": "accepted",
                    "justification": format!("{}, {} until {}", waiver.reason, waiver.who, waiver.until),
                }]);
            }
            result
        })
        .collect();
    sarif::report(version, &rules, &results)
}
