//! The decisions: one for each gate, with what it rests on, and what would make it pass.

mod coverage;
mod custom;
mod load;
mod security;
mod suites;

use bascule_model::gate::{Decision, Evidence, GateStatus, Report, ReportKind, Waiver};
use bascule_model::manifest::{Gate, Gates, Metric};
use jiff::Timestamp;

use crate::diff::ChangedLines;
use crate::read::Unreadable;

/// A report with what is kept of it.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// What it is.
    pub report: &'a Report,
    /// Its content; none: the job did not write it.
    pub bytes: Option<&'a [u8]>,
}

/// What is asked beside the reports.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// When.
    pub now: Timestamp,
    /// Where the checkout was, absolute; empty: nobody knows.
    pub root: &'a str,
    /// The lines changed since the live release; none: nobody knows.
    pub changed: Option<&'a ChangedLines>,
    /// Who answers for what, expired ones left out.
    pub waivers: &'a [Waiver],
}

/// What was seen of one gate, before waivers.
pub(crate) struct Seen {
    status: GateStatus,
    value: Option<String>,
    why: String,
    remedy: Option<String>,
}

impl Seen {
    fn pass(value: String, why: String) -> Self {
        Self { status: GateStatus::Pass, value: Some(value), why, remedy: None }
    }

    fn fail(value: String, why: String, remedy: String) -> Self {
        Self { status: GateStatus::Fail, value: Some(value), why, remedy: Some(remedy) }
    }

    fn nothing(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: GateStatus::NoData, value: None, why: why.into(), remedy: Some(remedy.into()) }
    }
}

/// The kind of report that a metric is measured on.
#[must_use]
pub fn kind(metric: Metric) -> ReportKind {
    match metric {
        Metric::Coverage | Metric::NewCoverage => ReportKind::Coverage,
        Metric::Tests => ReportKind::Tests,
        Metric::SecurityScore | Metric::Critical | Metric::High | Metric::Medium => ReportKind::Security,
        Metric::P95 | Metric::ErrorRate => ReportKind::Load,
    }
}

/// The gates that these reports decide: those of a stage, at its end.
#[must_use]
pub fn decided_by(gates: &Gates, reports: &[Report]) -> Gates {
    let has = |wanted: ReportKind| reports.iter().any(|report| report.kind == wanted);
    let names =
        |path: &str| reports.iter().any(|report| report.kind == ReportKind::Custom && report.path == path);
    Gates {
        metrics: gates
            .metrics
            .iter()
            .filter(|(metric, _)| has(kind(**metric)))
            .map(|(metric, gate)| (*metric, gate.clone()))
            .collect(),
        custom: gates
            .custom
            .iter()
            .filter(|(_, gate)| names(gate.path.as_str()))
            .map(|(name, gate)| (name.clone(), gate.clone()))
            .collect(),
    }
}

/// Decides each of the gates.
#[must_use]
pub fn decide(gates: &Gates, kept: &[Kept<'_>], asked: &Asked<'_>) -> Vec<Decision> {
    let of_kind = |wanted: ReportKind| -> Vec<Kept<'_>> {
        kept.iter().filter(|kept| kept.report.kind == wanted).copied().collect()
    };
    let (covering, testing) = (of_kind(ReportKind::Coverage), of_kind(ReportKind::Tests));
    let (scanning, loading) = (of_kind(ReportKind::Security), of_kind(ReportKind::Load));
    let wants = |wanted: ReportKind| gates.metrics.keys().any(|metric| kind(*metric) == wanted);
    // Each report is read once, whatever is asked of it.
    let coverage = wants(ReportKind::Coverage).then(|| coverage::Evidence::read(&covering, asked.root));
    let suites = wants(ReportKind::Tests).then(|| suites::Evidence::read(&testing));
    let security = wants(ReportKind::Security).then(|| security::Evidence::read(&scanning, asked.root));
    let load = wants(ReportKind::Load).then(|| load::Evidence::read(&loading));
    let mut decisions = Vec::new();
    for (metric, gate) in &gates.metrics {
        let (seen, reports) = match kind(*metric) {
            ReportKind::Coverage => (
                coverage.as_ref().map(|evidence| match metric {
                    Metric::NewCoverage => evidence.of_new(&gate.condition, asked.changed),
                    _ => evidence.of_all(&gate.condition),
                }),
                &covering,
            ),
            ReportKind::Tests => (suites.as_ref().map(|evidence| evidence.judge(&gate.condition)), &testing),
            ReportKind::Security => {
                (security.as_ref().map(|evidence| evidence.judge(*metric, &gate.condition)), &scanning)
            }
            ReportKind::Load | ReportKind::Custom => {
                (load.as_ref().map(|evidence| evidence.judge(*metric, gate)), &loading)
            }
        };
        let Some(seen) = seen else { continue };
        decisions.push(decision(metric.as_str(), Terms::of(gate), seen, reports, asked));
    }
    for (name, gate) in &gates.custom {
        let reports: Vec<Kept<'_>> = of_kind(ReportKind::Custom)
            .into_iter()
            .filter(|kept| kept.report.path == gate.path.as_str())
            .collect();
        let terms =
            Terms { condition: gate.condition.as_str(), required: gate.required, max_age: gate.max_age };
        decisions.push(decision(name, terms, custom::judge(gate, &reports), &reports, asked));
    }
    decisions
}

/// What holds for every gate.
#[derive(Clone, Copy)]
struct Terms<'a> {
    condition: &'a str,
    required: bool,
    max_age: Option<bascule_model::units::Duration>,
}

impl<'a> Terms<'a> {
    fn of(gate: &'a Gate) -> Self {
        Self { condition: gate.condition.as_str(), required: gate.required, max_age: gate.max_age }
    }
}

fn decision(
    name: &str,
    terms: Terms<'_>,
    mut seen: Seen,
    reports: &[Kept<'_>],
    asked: &Asked<'_>,
) -> Decision {
    let age = |kept: &Kept<'_>| {
        u64::try_from(asked.now.duration_since(kept.report.taken_at).as_secs()).unwrap_or(0)
    };
    if let Some(most) = terms.max_age
        && let Some(oldest) = reports.iter().map(age).max()
        && seen.status != GateStatus::NoData
        && u128::from(oldest) * 1_000 > u128::from(most.milliseconds())
    {
        seen.status = GateStatus::Stale;
        seen.why = format!("what it rests on is {oldest} s old, and counts for {most} only");
        seen.remedy = Some("run the pipeline's stage again, so that the reports are new".to_owned());
    }
    let waiver = asked.waivers.iter().find(|waiver| waiver.gate == name).cloned();
    let waiver = waiver.filter(|_| seen.status != GateStatus::Pass);
    if let Some(waiver) = &waiver {
        seen.status = GateStatus::Waived;
        seen.why =
            format!("{}; {} answers for it until {}: {}", seen.why, waiver.who, waiver.until, waiver.reason);
    }
    let evidence = reports.iter().map(|kept| Evidence {
        source: source(kept.report),
        digest: kept.report.digest.clone(),
        age_s: age(kept),
    });
    Decision {
        gate: name.to_owned(),
        status: seen.status,
        required: terms.required,
        condition: terms.condition.to_owned(),
        value: seen.value,
        why: seen.why,
        remedy: seen.remedy,
        evidence: evidence.collect(),
        waiver,
    }
}

/// Stage, job and path of a report.
pub(crate) fn source(report: &Report) -> String {
    match (report.stage.as_str(), report.job.as_str()) {
        ("", _) | (_, "") => report.path.clone(),
        (stage, job) => format!("{stage}/{job}: {}", report.path),
    }
}

/// Reads all reports of a kind; what is wrong with those that cannot be read, in words.
pub(crate) fn read_all<T>(
    kept: &[Kept<'_>],
    read: impl Fn(&[u8]) -> Result<T, Unreadable>,
) -> (Vec<T>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for one in kept {
        match one.bytes.map(&read) {
            Some(Ok(found)) => good.push(found),
            Some(Err(Unreadable(why))) => bad.push(format!("{} is unreadable: {why}", source(one.report))),
            None => bad.push(format!("{} is missing: the job did not write it", source(one.report))),
        }
    }
    (good, bad)
}

/// Why nothing can be said: reports are missing, or there is none.
pub(crate) fn without(kind: ReportKind, kept: &[Kept<'_>], bad: &[String]) -> Option<Seen> {
    if !bad.is_empty() {
        return Some(Seen::nothing(
            bad.join("; "),
            "have the job write that report to its end, where `reports` says",
        ));
    }
    kept.is_empty().then(|| {
        Seen::nothing(
            format!("no job has written a {} report", kind.as_str()),
            format!("name it in a job of the pipeline: reports = {{ {} = [\"FILE\"] }}", kind.as_str()),
        )
    })
}

#[cfg(test)]
mod tests;
