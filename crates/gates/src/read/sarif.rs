//! SARIF 2.1.0, of any tool; what is worse than what is settled tool by tool, since some mark everything an error.

use std::collections::HashMap;

use serde_json::Value;

use super::{Unreadable, relative};
use crate::findings::{Discount, Finding, Findings, Severity};

/// Reads one. What is suppressed, absent or no failure is no finding.
pub fn read(document: &Value, root: &str) -> Result<Findings, Unreadable> {
    let version = document["version"].as_str().unwrap_or_default();
    if !version.starts_with("2.") {
        return Err(Unreadable::new(format!("its version is {version:?}, not 2.1.0")));
    }
    let mut findings = Findings::default();
    let runs = document["runs"].as_array().filter(|runs| !runs.is_empty());
    for run in runs.ok_or_else(|| Unreadable::new("it has no run: nothing was looked at"))? {
        let tool =
            run["tool"]["driver"]["name"].as_str().ok_or_else(|| Unreadable::new("a run names no tool"))?;
        let failed = run["invocations"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| one["executionSuccessful"] == false);
        if failed {
            return Err(Unreadable::new(format!(
                "{tool} says that it failed (executionSuccessful is false)"
            )));
        }
        let rules = Rules::of(run);
        let results = run["results"].as_array();
        for result in results
            .ok_or_else(|| Unreadable::new(format!("{tool} has no results: it was not run to its end")))?
        {
            if let Some(severity) =
                counts(result).then(|| severity(tool, result, rules.of_result(result))).flatten()
            {
                findings.add(finding(tool, result, rules.of_result(result), severity, root));
            }
        }
    }
    Ok(findings)
}

/// The rules of a run, of the tool and its extensions.
struct Rules<'a> {
    by_id: HashMap<&'a str, &'a Value>,
    in_order: Vec<&'a Value>,
}

impl<'a> Rules<'a> {
    fn of(run: &'a Value) -> Self {
        let in_order: Vec<&Value> = run["tool"]["driver"]["rules"].as_array().into_iter().flatten().collect();
        let extensions = run["tool"]["extensions"].as_array().into_iter().flatten();
        let more = extensions.flat_map(|extension| extension["rules"].as_array()).flatten();
        let by_id =
            in_order.iter().copied().chain(more).filter_map(|rule| Some((rule["id"].as_str()?, rule)));
        Self { by_id: by_id.collect(), in_order }
    }

    fn of_result(&self, result: &Value) -> Option<&'a Value> {
        let id = result["ruleId"].as_str().or_else(|| result["rule"]["id"].as_str());
        // An id may go on behind a slash where the rule's does not.
        let named = id.and_then(|id| self.by_id.get(id).or_else(|| self.by_id.get(id.split('/').next()?)));
        let index = result["ruleIndex"].as_u64().or_else(|| result["rule"]["index"].as_u64());
        named.copied().or_else(|| self.in_order.get(usize::try_from(index?).ok()?).copied())
    }
}

fn counts(result: &Value) -> bool {
    let kind = result["kind"].as_str().unwrap_or("fail");
    let is_suppressed = result["suppressions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|suppression| matches!(suppression["status"].as_str(), None | Some("accepted")));
    matches!(kind, "fail" | "open" | "review") && result["baselineState"] != "absent" && !is_suppressed
}

/// How bad it is: by what the tool says of security, then by what is known of the tool, by its own words, and by the level.
fn severity(tool: &str, result: &Value, rule: Option<&Value>) -> Option<Severity> {
    let nothing = Value::Null;
    let rule = rule.unwrap_or(&nothing);
    let properties = [&result["properties"], &rule["properties"]];
    for properties in properties {
        let score = &properties["security-severity"];
        let score = score.as_f64().or_else(|| score.as_str()?.trim().parse().ok());
        // A score of nothing says that nobody has rated it.
        if let Some(severity) = score.and_then(Severity::of_score) {
            return Some(severity);
        }
    }
    if let Some(severity) = of_tool(tool, result) {
        return Some(severity);
    }
    for properties in properties {
        for (name, value) in properties.as_object().into_iter().flatten() {
            let is_severity = matches!(name.as_str(), "severity" | "issue_severity" | "problem.severity")
                || name.ends_with("/severity");
            if let Some(severity) = value.as_str().filter(|_| is_severity).and_then(Severity::of_word) {
                return severity;
            }
        }
    }
    match result["level"].as_str().or_else(|| rule["defaultConfiguration"]["level"].as_str()) {
        Some("error") => Some(Severity::High),
        Some("note") => Some(Severity::Low),
        Some("none") => None,
        _ => Some(Severity::Medium),
    }
}

/// Tools whose levels tell nothing.
fn of_tool(tool: &str, result: &Value) -> Option<Severity> {
    match tool.to_ascii_lowercase().as_str() {
        // A key that was found is a key that is out.
        "gitleaks" | "kingfisher" | "trufflehog" => Some(Severity::High),
        // Everything is an error to it.
        "checkov" => Some(Severity::Medium),
        "ruff" => {
            let id = result["ruleId"].as_str().unwrap_or_default();
            // Its rules about security are those of Bandit: an S and a number.
            let is_security =
                id.strip_prefix('S').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            Some(if is_security { Severity::Medium } else { Severity::Low })
        }
        _ => None,
    }
}

fn finding(tool: &str, result: &Value, of: Option<&Value>, severity: Severity, root: &str) -> Finding {
    let place = &result["locations"][0]["physicalLocation"];
    let path = place["artifactLocation"]["uri"].as_str().unwrap_or("the project");
    let named = result["ruleId"].as_str().or_else(|| result["rule"]["id"].as_str());
    let rule = named.or_else(|| of?["id"].as_str()).unwrap_or("a rule without a name");
    Finding {
        tool: tool.to_owned(),
        rule: rule.to_owned(),
        severity,
        discount: discount(tool, result, of),
        place: relative(path, root),
        line: place["region"]["startLine"].as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
    }
}

/// What speaks for a finding: that its scanner knows no version without it, or is not sure.
fn discount(tool: &str, result: &Value, rule: Option<&Value>) -> Discount {
    let nothing = Value::Null;
    let rule = rule.unwrap_or(&nothing);
    let tool = tool.to_ascii_lowercase();
    // These write it as a line of what they tell; the text of a rule may be that of another package.
    let told = [&result["message"]["text"], &rule["help"]["text"]];
    let fix = told.iter().filter_map(|text| text.as_str()).flat_map(str::lines).find_map(|line| {
        line.trim().strip_prefix("Fixed Version:").or_else(|| line.trim().strip_prefix("Fix Version:"))
    });
    if matches!(tool.as_str(), "trivy" | "grype") && fix.is_some_and(|fix| fix.trim().is_empty()) {
        return Discount::NoFix;
    }
    let sure = [&result["properties"]["issue_confidence"], &rule["properties"]["precision"]];
    if sure.into_iter().filter_map(Value::as_str).any(|word| word.eq_ignore_ascii_case("low")) {
        return Discount::LowConfidence;
    }
    Discount::None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(tool: &str, rules: &Value, results: &Value) -> Vec<(String, &'static str)> {
        let document = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": tool, "rules": rules}}, "results": results}]});
        let found = read(&document, "/w").unwrap();
        found
            .worst(Severity::Low, 99)
            .into_iter()
            .map(|one| (one.rule.clone(), one.severity.as_str()))
            .collect()
    }

    #[test]
    fn what_is_said_of_security_goes_before_the_level() {
        let rules = json!([{"id": "A", "properties": {"security-severity": "9.8"}}, {"id": "B", "defaultConfiguration": {"level": "note"}}]);
        let results = json!([
            {"ruleId": "A", "level": "note"}, {"ruleIndex": 1}, {"ruleId": "C", "level": "error"}, {"ruleId": "D"},
            {"ruleId": "E", "properties": {"issue_severity": "LOW"}}, {"ruleId": "F", "level": "none"},
            {"ruleId": "G", "suppressions": [{"kind": "inSource"}]}, {"ruleId": "H", "kind": "pass"},
            {"ruleId": "I", "suppressions": [{"kind": "external", "status": "rejected"}]}
        ]);
        let seen = of("x", &rules, &results);
        let expected =
            [("A", "critical"), ("C", "high"), ("D", "medium"), ("I", "medium"), ("B", "low"), ("E", "low")];
        assert_eq!(seen, expected.map(|(rule, severity)| (rule.to_owned(), severity)));
    }

    #[test]
    fn tools_whose_level_says_nothing() {
        assert_eq!(of("checkov", &json!([]), &json!([{"ruleId": "A", "level": "error"}]))[0].1, "medium");
        assert_eq!(of("gitleaks", &json!([]), &json!([{"ruleId": "A"}]))[0].1, "high");
        let ruff = of(
            "ruff",
            &json!([]),
            &json!([{"ruleId": "S602", "level": "error"}, {"ruleId": "SIM1", "level": "error"}]),
        );
        assert_eq!(ruff, [("S602".to_owned(), "medium"), ("SIM1".to_owned(), "low")]);
    }

    #[test]
    fn what_has_no_fix_and_what_nobody_is_sure_of() {
        let told =
            |fix: &str| format!("Package: libc\nInstalled Version: 1\nFixed Version: {fix}\nLink: there");
        let rules = json!([
            {"id": "A", "help": {"text": told("")}}, {"id": "B", "help": {"text": told("2")}},
            {"id": "C", "properties": {"precision": "low"}}, {"id": "D", "help": {"text": told("")}}
        ]);
        let results = json!([
            {"ruleId": "A"}, {"ruleId": "B"}, {"ruleId": "C"}, {"ruleId": "D", "message": {"text": told("3")}},
            {"ruleId": "E", "properties": {"issue_confidence": "LOW"}}
        ]);
        let discounts = |tool: &str| {
            let document = json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": tool, "rules": rules}}, "results": results}]});
            read(&document, "/w").unwrap().iter().map(|one| one.discount).collect::<Vec<_>>()
        };
        use Discount::{LowConfidence, NoFix, None};
        assert_eq!(discounts("Trivy"), [NoFix, None, LowConfidence, None, LowConfidence]);
        assert_eq!(discounts("another"), [None, None, LowConfidence, None, LowConfidence]);
    }

    #[test]
    fn a_tool_that_failed_found_nothing() {
        for run in [
            json!({"tool": {"driver": {"name": "x"}}, "results": [], "invocations": [{"executionSuccessful": false}]}),
            json!({"tool": {"driver": {"name": "x"}}}),
            json!({"results": []}),
        ] {
            assert!(read(&json!({"version": "2.1.0", "runs": [run]}), "").is_err());
        }
        assert!(read(&json!({"version": "2.1.0", "runs": []}), "").is_err());
        assert!(read(&json!({"version": "1.0.0", "runs": [{}]}), "").is_err());
    }
}
