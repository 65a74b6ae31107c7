//! Vulnerabilities of a CycloneDX document, as Trivy, Grype and others write them.

use std::collections::HashSet;

use serde_json::Value;

use super::Unreadable;
use crate::findings::{Discount, Finding, Findings, Severity};

/// Reads one. A list of components without a list of vulnerabilities is not what somebody found.
pub fn read(document: &Value) -> Result<Findings, Unreadable> {
    let Some(vulnerabilities) = document["vulnerabilities"].as_array() else {
        return Err(Unreadable::new(
            "it has no list of vulnerabilities: it says what is in, not what was found",
        ));
    };
    let tools = &document["metadata"]["tools"];
    let tool =
        tools["components"][0]["name"].as_str().or_else(|| tools[0]["name"].as_str()).unwrap_or("CycloneDX");
    let for_development = for_development(document);
    let mut findings = Findings::default();
    for found in vulnerabilities {
        let id = found["id"].as_str().ok_or_else(|| Unreadable::new("a vulnerability has no id"))?;
        let state = found["analysis"]["state"].as_str().unwrap_or_default();
        if matches!(state, "not_affected" | "false_positive" | "resolved" | "resolved_with_pedigree") {
            continue;
        }
        let Some(severity) = severity(&found["ratings"]) else { continue };
        let mut add = |place: &str| {
            findings.add(Finding {
                tool: tool.to_owned(),
                rule: id.to_owned(),
                severity,
                discount: discount(found, for_development.contains(place)),
                place: place.to_owned(),
                line: 0,
            });
        };
        let affected = found["affects"].as_array().into_iter().flatten();
        let mut places: Vec<&str> =
            affected.map(|one| one["ref"].as_str().unwrap_or("a component")).collect();
        if places.is_empty() {
            places.push("a component");
        }
        places.into_iter().for_each(&mut add);
    }
    Ok(findings)
}

/// What is said of one: that nobody mends it, or that it is in what only development needs. That no fix is named says nothing.
fn discount(found: &Value, is_for_development: bool) -> Discount {
    let responses = found["analysis"]["response"].as_array().into_iter().flatten();
    let mut responses = responses.filter_map(Value::as_str);
    if responses.any(|response| matches!(response, "can_not_fix" | "will_not_fix")) {
        Discount::NoFix
    } else if is_for_development {
        Discount::DevelopmentOnly
    } else {
        Discount::None
    }
}

/// References of the components that are not there when the app runs.
fn for_development(document: &Value) -> HashSet<&str> {
    let components = document["components"].as_array().into_iter().flatten();
    let only = components.filter(|component| {
        let mut properties = component["properties"].as_array().into_iter().flatten();
        component["scope"] == "excluded"
            || properties.any(|one| one["name"] == "cdx:npm:package:development" && one["value"] == "true")
    });
    only.filter_map(|component| component["bom-ref"].as_str()).collect()
}

/// By the newest of its ratings of CVSS, then by the worst word; one that nobody rated is medium.
fn severity(ratings: &Value) -> Option<Severity> {
    let ratings = ratings.as_array();
    let all = || ratings.into_iter().flatten();
    for method in ["CVSSv4", "CVSSv31", "CVSSv3", "CVSSv2"] {
        let scores =
            all().filter(|rating| rating["method"] == method).filter_map(|rating| rating["score"].as_f64());
        if let Some(severity) = scores.reduce(f64::max).and_then(Severity::of_score) {
            return Some(severity);
        }
    }
    let words = all().filter_map(|rating| Severity::of_word(rating["severity"].as_str()?));
    words.reduce(Ord::max).unwrap_or(Some(Severity::Medium))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ratings_and_states() {
        let document = json!({"bomFormat": "CycloneDX", "vulnerabilities": [
            {"id": "CVE-1", "ratings": [{"method": "CVSSv2", "score": 10.0}, {"method": "CVSSv31", "score": 5.0, "severity": "critical"}],
             "affects": [{"ref": "a"}, {"ref": "b"}]},
            {"id": "CVE-2", "ratings": [{"severity": "low"}, {"severity": "high"}]},
            {"id": "CVE-3", "ratings": [{"severity": "critical"}], "analysis": {"state": "not_affected"}},
            {"id": "CVE-4"}, {"id": "CVE-5", "ratings": [{"severity": "none"}]}
        ]});
        let found = read(&document).unwrap();
        let counts = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
            .map(|severity| found.count(severity));
        assert_eq!(counts, [0, 1, 3, 0]);
        assert!(read(&json!({"bomFormat": "CycloneDX", "components": []})).is_err());
    }

    #[test]
    fn what_nobody_mends_and_what_is_for_development() {
        let document = json!({"bomFormat": "CycloneDX", "components": [
            {"bom-ref": "dev", "properties": [{"name": "cdx:npm:package:development", "value": "true"}]},
            {"bom-ref": "out", "scope": "excluded"}, {"bom-ref": "in", "scope": "required"}
        ], "vulnerabilities": [
            {"id": "A", "affects": [{"ref": "dev"}, {"ref": "out"}, {"ref": "in"}]},
            {"id": "B", "affects": [{"ref": "in"}], "analysis": {"state": "exploitable", "response": ["will_not_fix"]}}
        ]});
        let found = read(&document).unwrap();
        let counts =
            [Discount::DevelopmentOnly, Discount::NoFix, Discount::None].map(|one| found.discounted(one));
        assert_eq!(counts, [2, 1, 1]);
    }
}
