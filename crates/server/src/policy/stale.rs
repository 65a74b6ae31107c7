//! Whether the evidence that a pipeline's gates rested on still counts: an artifact may be promoted, or its plan approved of, long
//! after its reports were taken. Pure, but for the waivers that are read.

use std::path::Path;

use bascule_gates::decide::kind;
use bascule_gates::waiver;
use bascule_model::gate::{PipelineRecord, Provenance, Report};
use bascule_model::ids::{EnvironmentKey, EnvironmentName};
use bascule_model::manifest::Gates;
use bascule_model::problem::{Code, Problem};
use bascule_model::units::Duration;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// Where to.
    pub(crate) key: &'a EnvironmentKey,
    /// The gates of that environment.
    pub(crate) gates: &'a Gates,
    /// Where the artifact comes from.
    pub(crate) provenance: Option<&'a Provenance>,
    /// The newest run that made it; none: it is not kept any more.
    pub(crate) record: Option<&'a PipelineRecord>,
    /// The environment that it is promoted from.
    pub(crate) promote_from: Option<&'a EnvironmentName>,
    /// Gates that somebody answers for today.
    pub(crate) waived: &'a [String],
    /// Now.
    pub(crate) now: Timestamp,
}

/// What keeps the artifact out because its evidence is too old. What no pipeline made has none that could be.
#[must_use]
pub(crate) fn refusal(facts: &Facts<'_>) -> Option<Problem> {
    facts.provenance?.pipeline.as_ref()?;
    let found: Vec<(&str, String)> = limits(facts.gates)
        .filter(|(name, ..)| !facts.waived.iter().any(|waived| waived == name))
        .filter_map(|(name, most, of)| Some((name, too_old(facts, most, &of)?)))
        .collect();
    let (_, why) = found.first()?;
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let gates = if names.len() == 1 { "1 gate".to_owned() } else { format!("{} gates", names.len()) };
    let place = &facts.key.environment;
    let from = facts.promote_from.unwrap_or(place);
    let again = match facts.promote_from {
        Some(from) => format!(", and when it has settled `bascule promote {from} {place}`"),
        None => String::new(),
    };
    Some(Problem::new(
        Code::GateRefused,
        format!("{place}: {gates} refused by {}: {why}", names.join(", ")),
        format!(
            "take the reports anew with `bascule ship --to {from}`{again}; or raise `max_age` in [gates]"
        ),
    ))
}

/// Which reports a gate rests on.
type Of<'a> = Box<dyn Fn(&Report) -> bool + 'a>;

/// The gates that nothing passes without and whose evidence ages.
fn limits(gates: &Gates) -> impl Iterator<Item = (&str, Duration, Of<'_>)> {
    let metrics = gates.metrics.iter().filter(|(_, gate)| gate.required).filter_map(|(metric, gate)| {
        let kind = kind(*metric);
        let of: Of<'_> = Box::new(move |report| report.kind == kind);
        Some((metric.as_str(), gate.max_age?, of))
    });
    let custom = gates.custom.iter().filter(|(_, gate)| gate.required).filter_map(|(name, gate)| {
        let of: Of<'_> = Box::new(|report| report.path == gate.path.to_string());
        Some((name.as_str(), gate.max_age?, of))
    });
    metrics.chain(custom)
}

fn too_old(facts: &Facts<'_>, most: Duration, of: &Of<'_>) -> Option<String> {
    let Some(record) = facts.record else {
        return Some(format!(
            "its evidence counts for {most} only, and the run that made the artifact is not kept any more"
        ));
    };
    // Where the run has no such report, that is what its gates said.
    let oldest = record.reports.iter().filter(|report| of(report)).min_by_key(|report| report.taken_at)?;
    let age = facts.now.duration_since(oldest.taken_at);
    (age.as_millis() > i128::from(most.milliseconds())).then(|| {
        format!(
            "what it rests on ({}/{}: {}) is {} s old, and counts for {most} only",
            oldest.stage,
            oldest.job,
            oldest.path,
            age.as_secs()
        )
    })
}

/// The gates that somebody answers for today, in the project's own file; a file that cannot be read waives nothing.
pub(crate) fn waived(project: &Path, now: Timestamp) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(project.join(waiver::FILE)) else { return Vec::new() };
    let today = TimeZone::UTC.to_datetime(now).date();
    waiver::read(&text, today).unwrap_or_default().into_iter().map(|waiver| waiver.gate).collect()
}

#[cfg(test)]
mod tests {
    use bascule_model::gate::ReportKind;
    use bascule_model::manifest;

    use super::*;

    const GATES: &str = "app = \"shop\"\nservices.web.command = \"true\"\nenvironments.production = {}\n\
                         [gates]\ncoverage = { condition = \">= 80%\", max_age = \"1h\" }\n\
                         tests = { condition = \"no failures\", max_age = \"1h\", required = false }\n\
                         critical = \"== 0\"\n";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn report(kind: ReportKind, taken: i64) -> Report {
        Report {
            kind,
            stage: "testing".to_owned(),
            job: "unit".to_owned(),
            path: "lcov.info".to_owned(),
            file: None,
            digest: None,
            bytes: 0,
            taken_at: at(taken),
        }
    }

    fn record(reports: Vec<Report>) -> PipelineRecord {
        PipelineRecord {
            run: "ship-1".to_owned(),
            app: "shop".to_owned(),
            commit: "c0".to_owned(),
            dirty: false,
            artifact: Some("sha256:1".to_owned()),
            began_at: at(0),
            ended_at: None,
            passed: None,
            reports,
            decisions: Vec::new(),
        }
    }

    #[test]
    fn evidence_that_has_become_too_old_is_refused_with_what_makes_it_new() {
        let manifest = manifest::parse(GATES, "bascule.toml").unwrap();
        let gates = manifest.gates_in(None);
        let key: EnvironmentKey = "shop/production".parse().unwrap();
        let staging = "staging".parse().unwrap();
        let of = |pipeline: Option<&str>| Provenance {
            commit: "c0".to_owned(),
            dirty: false,
            pipeline: pipeline.map(str::to_owned),
        };
        let (shipped, by_hand) = (of(Some("ship-1")), of(None));
        let seen = record(vec![
            report(ReportKind::Coverage, 1_000),
            report(ReportKind::Coverage, 2_000),
            report(ReportKind::Tests, 0),
            report(ReportKind::Security, 0),
        ]);
        let facts = Facts {
            key: &key,
            gates: &gates,
            provenance: Some(&shipped),
            record: Some(&seen),
            promote_from: Some(&staging),
            waived: &[],
            now: at(1_000 + 3_600),
        };
        assert_eq!(refusal(&facts), None);
        let late = Facts { now: at(1_001 + 3_600), ..facts };
        let problem = refusal(&late).unwrap();
        assert_eq!(
            (problem.code, problem.message.as_str(), problem.remedy.as_str()),
            (
                Code::GateRefused,
                "production: 1 gate refused by coverage: what it rests on (testing/unit: lcov.info) is 3601 s old, and counts \
                 for 1h only",
                "take the reports anew with `bascule ship --to staging`, and when it has settled `bascule promote staging \
                 production`; or raise `max_age` in [gates]"
            )
        );
        let waived = ["coverage".to_owned()];
        assert_eq!(refusal(&Facts { waived: &waived, ..late }), None);
        assert_eq!(refusal(&Facts { provenance: Some(&by_hand), ..late }), None);
        assert_eq!(refusal(&Facts { gates: &Gates::default(), ..late }), None);
        let nothing = record(Vec::new());
        assert_eq!(refusal(&Facts { record: Some(&nothing), ..late }), None);
        assert!(refusal(&Facts { record: None, ..facts }).unwrap().message.contains("is not kept any more"));
    }
}
