//! JUnit XML: each gate is a test.

use bascule_model::gate::{Decision, GateStatus};

/// What is in the way is a failure, what could not be seen an error; what is not required and does not hold is skipped.
#[must_use]
pub fn junit(decisions: &[Decision]) -> String {
    let blocked = |status: &[GateStatus]| {
        decisions.iter().filter(|decision| decision.blocks() && status.contains(&decision.status)).count()
    };
    let failures = blocked(&[GateStatus::Fail]);
    let errors = blocked(&[GateStatus::NoData, GateStatus::Stale]);
    let is_skipped = |decision: &&Decision| decision.status != GateStatus::Pass && !decision.blocks();
    let skipped = decisions.iter().filter(is_skipped).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"gates\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"{errors}\" skipped=\"{skipped}\">\n",
        decisions.len()
    );
    for decision in decisions {
        let name = escape(&format!("{} {}", decision.gate, decision.condition));
        let remedy = decision.remedy.as_deref().unwrap_or_default();
        let told = format!(
            "message=\"{}\">{}",
            escape(&decision.why),
            escape(&format!("{}\n{remedy}", decision.value.as_deref().unwrap_or("nothing was seen")))
        );
        let inner = match decision.status {
            GateStatus::Pass => String::new(),
            _ if !decision.blocks() => {
                format!("\n      <skipped message=\"{}\"/>\n    ", escape(&decision.why))
            }
            GateStatus::Fail | GateStatus::Waived => format!("\n      <failure {told}</failure>\n    "),
            GateStatus::NoData | GateStatus::Stale => format!("\n      <error {told}</error>\n    "),
        };
        text.push_str(&format!("    <testcase classname=\"gates\" name=\"{name}\">{inner}</testcase>\n"));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Text as XML has it; what XML cannot have is left out.
fn escape(text: &str) -> String {
    let is_allowed = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    let allowed: String = text.chars().filter(is_allowed).collect();
    quick_xml::escape::escape(&allowed).into_owned()
}
