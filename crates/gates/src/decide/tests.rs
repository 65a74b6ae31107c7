use std::collections::{BTreeMap, BTreeSet};

use bascule_model::manifest::{CustomGate, ValuePlace};
use jiff::ToSpan as _;

use super::*;
use crate::render;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn report(kind: ReportKind, path: &str, content: Option<&str>) -> Report {
    Report {
        kind,
        stage: "testing".to_owned(),
        job: "unit".to_owned(),
        path: path.to_owned(),
        file: content.map(|_| path.to_owned()),
        digest: content.map(|_| "ab".repeat(32)),
        bytes: 0,
        taken_at: now() - 90.seconds(),
    }
}

fn gates(metrics: &[(Metric, &str)]) -> Gates {
    let gate = |text: &str| Gate {
        condition: text.parse().unwrap(),
        required: true,
        max_age: None,
        min_requests: Gate::MIN_REQUESTS,
    };
    Gates {
        metrics: metrics.iter().map(|(metric, text)| (*metric, gate(text))).collect(),
        custom: BTreeMap::new(),
    }
}

fn decide_with(
    gates: &Gates,
    reports: &[(ReportKind, &str, Option<&str>)],
    changed: Option<&ChangedLines>,
    waivers: &[Waiver],
) -> Vec<Decision> {
    let made: Vec<Report> =
        reports.iter().map(|(kind, path, content)| report(*kind, path, *content)).collect();
    let kept: Vec<Kept<'_>> = made
        .iter()
        .zip(reports)
        .map(|(report, (_, _, content))| Kept { report, bytes: content.map(str::as_bytes) })
        .collect();
    decide(gates, &kept, &Asked { now: now(), root: "/w", changed, waivers })
}

fn one(metric: Metric, condition: &str, kind: ReportKind, content: Option<&str>) -> Decision {
    let mut all = decide_with(&gates(&[(metric, condition)]), &[(kind, "file", content)], None, &[]);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// A file with so many lines, of which so many are covered.
fn lcov(covered: u32, total: u32) -> String {
    let mut text = "SF:src/a.py\n".to_owned();
    (1..=total).for_each(|line| text.push_str(&format!("DA:{line},{}\n", u32::from(line <= covered))));
    text + "end_of_record\n"
}

#[test]
fn coverage_just_under_the_limit_fails_and_says_what_is_missing() {
    let seen = one(Metric::Coverage, ">= 80%", ReportKind::Coverage, Some(&lcov(7_999, 10_000)));
    assert_eq!(seen.status, GateStatus::Fail);
    assert_eq!(seen.value.as_deref(), Some("79.99% (7999 of 10000 lines)"));
    let remedy = "cover 1 more of the 2001 uncovered lines, most of them in src/a.py (2001 uncovered)";
    assert_eq!(seen.remedy.as_deref(), Some(remedy));
    assert_eq!((seen.evidence[0].source.as_str(), seen.evidence[0].age_s), ("testing/unit: file", 90));
    let seen = one(Metric::Coverage, ">= 80%", ReportKind::Coverage, Some(&lcov(8_000, 10_000)));
    assert_eq!((seen.status, seen.remedy), (GateStatus::Pass, None));
}

#[test]
fn what_nobody_saw_is_no_data_and_blocks() {
    let nothing = "<testsuite><testcase name='a'><skipped/></testcase></testsuite>";
    for (metric, condition, kind, content, word) in [
        (Metric::Coverage, ">= 80%", ReportKind::Coverage, None, "missing"),
        (Metric::Coverage, ">= 80%", ReportKind::Coverage, Some("SF:a\nDA:1"), "unreadable"),
        (Metric::Coverage, ">= 80%", ReportKind::Coverage, Some("SF:a\nend_of_record"), "no line"),
        (
            Metric::NewCoverage,
            ">= 80%",
            ReportKind::Coverage,
            Some("SF:a\nDA:1,1\nend_of_record"),
            "which lines",
        ),
        (Metric::Coverage, ">= 0%", ReportKind::Tests, Some("<testsuite/>"), "no job"),
        (Metric::Tests, "no failures", ReportKind::Tests, Some(nothing), "no test was run"),
        (Metric::Tests, "no failures", ReportKind::Tests, Some("<testsuites/>"), "no test was run"),
        (Metric::Critical, "== 0", ReportKind::Security, Some("{}"), "unreadable"),
        (Metric::SecurityScore, ">= 7", ReportKind::Security, None, "missing"),
        (
            Metric::ErrorRate,
            "<= 1%",
            ReportKind::Load,
            Some("Running 1s test\n 3 requests in 1s\nTransfer/sec: 1MB"),
            "3 requests",
        ),
        (
            Metric::P95,
            "<= 1s",
            ReportKind::Load,
            Some("Running 1s test\n 300 requests in 1s\nTransfer/sec: 1MB"),
            "95th",
        ),
    ] {
        let seen = one(metric, condition, kind, content);
        assert_eq!(seen.status, GateStatus::NoData, "{seen:?}");
        assert!(seen.blocks() && seen.why.contains(word) && seen.remedy.is_some(), "{seen:?}");
    }
}

#[test]
fn failures_are_named() {
    let text = "<testsuite><testcase classname='m' name='a'/><testcase classname='m' name='b'><failure/></testcase>\
        <testcase name='c'><error/></testcase></testsuite>";
    let seen = one(Metric::Tests, "no failures", ReportKind::Tests, Some(text));
    assert_eq!(seen.value.as_deref(), Some("1 failed, 1 errors (1 passed, 0 skipped)"));
    assert_eq!(seen.remedy.as_deref(), Some("mend m b, c"));
}

#[test]
fn changed_lines_are_judged_alone() {
    let coverage = lcov(2, 4);
    let changed = |lines: &[u32]| {
        ChangedLines::Some([("src/a.py".to_owned(), lines.iter().copied().collect::<BTreeSet<u32>>())].into())
    };
    for (lines, status, value) in [
        (&[1, 2][..], GateStatus::Pass, "100% (2 of 2 changed lines)"),
        (&[2, 3], GateStatus::Fail, "50% (1 of 2 changed lines)"),
        (&[77], GateStatus::Pass, "no line"),
    ] {
        let reports = [(ReportKind::Coverage, "lcov.info", Some(coverage.as_str()))];
        let gates = gates(&[(Metric::NewCoverage, ">= 90%")]);
        let seen = decide_with(&gates, &reports, Some(&changed(lines)), &[]);
        assert_eq!((seen[0].status, seen[0].value.as_deref()), (status, Some(value)));
    }
}

fn sarif(level: &str, score: &str) -> String {
    format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"x"}}}},"results":[{{"ruleId":"R1","level":"{level}",
        "properties":{{"security-severity":"{score}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"a.py"}},"region":{{"startLine":3}}}}}}]}}]}}]}}"#
    )
}

#[test]
fn a_missing_source_caps_the_score_and_is_no_data_for_counts() {
    let empty = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}"#;
    let gates = gates(&[(Metric::SecurityScore, ">= 7"), (Metric::Critical, "== 0")]);
    let reports = [(ReportKind::Security, "a", Some(empty)), (ReportKind::Security, "b", None)];
    let seen = decide_with(&gates, &reports, None, &[]);
    assert_eq!((seen[0].status, seen[1].status), (GateStatus::Fail, GateStatus::NoData));
    assert!(seen[0].why.contains("at most 6.9"), "{}", seen[0].why);
    let seen = decide_with(&gates, &reports[..1], None, &[]);
    assert_eq!((seen[0].status, seen[1].status), (GateStatus::Pass, GateStatus::Pass));
    let critical = sarif("note", "9.8");
    let seen = decide_with(&gates, &[(ReportKind::Security, "a", Some(&critical))], None, &[]);
    assert_eq!((seen[0].status, seen[1].status), (GateStatus::Fail, GateStatus::Fail));
    assert_eq!(seen[1].remedy.as_deref(), Some("mend R1 in a.py:3"));
}

#[test]
fn a_waiver_is_shown_and_does_not_make_it_pass() {
    let waiver = Waiver {
        gate: "critical".to_owned(),
        reason: "no fix yet".to_owned(),
        who: "ana".to_owned(),
        until: "2026-03-20".to_owned(),
    };
    let critical = sarif("error", "9.8");
    let gates = gates(&[(Metric::Critical, "== 0")]);
    let seen = decide_with(&gates, &[(ReportKind::Security, "a", Some(&critical))], None, &[waiver]);
    assert_eq!(seen[0].status, GateStatus::Waived);
    assert!(!seen[0].blocks() && seen[0].why.ends_with("ana answers for it until 2026-03-20: no fix yet"));
    assert!(render::text(&seen).contains("ana answers for it"));
    assert!(render::markdown(&seen).contains("ana answers for it"));
    assert!(render::junit(&seen).contains("ana answers for it"));
    assert!(render::sarif(&seen, "1").to_string().contains("no fix yet, ana until 2026-03-20"));
}

#[test]
fn old_evidence_is_stale() {
    let mut gates = gates(&[(Metric::Coverage, ">= 50%")]);
    let gate = gates.metrics.get_mut(&Metric::Coverage).unwrap();
    gate.max_age = Some("1m".parse().unwrap());
    let text = lcov(4, 4);
    let seen = decide_with(&gates, &[(ReportKind::Coverage, "lcov.info", Some(&text))], None, &[]);
    assert_eq!(seen[0].status, GateStatus::Stale);
    assert!(seen[0].blocks());
}

#[test]
fn a_gate_of_ones_own() {
    let place: ValuePlace = "size.json:$.total".parse().unwrap();
    let gate = |condition: &str| CustomGate {
        path: place.path.clone(),
        place: place.place.clone(),
        condition: condition.parse().unwrap(),
        required: true,
        max_age: None,
    };
    for (condition, content, status) in [
        ("value < 300000", r#"{"total": 299999}"#, GateStatus::Pass),
        ("value < 300000", r#"{"total": 300000}"#, GateStatus::Fail),
        ("value < 300000", r#"{"totals": 1}"#, GateStatus::NoData),
        ("value < 300000", r#"{"total": "many"}"#, GateStatus::NoData),
        ("value < 300000", "no json", GateStatus::NoData),
    ] {
        let gates =
            Gates { metrics: BTreeMap::new(), custom: [("bundle".to_owned(), gate(condition))].into() };
        let seen = decide_with(&gates, &[(ReportKind::Custom, "size.json", Some(content))], None, &[]);
        assert_eq!(seen[0].status, status, "{content}: {:?}", seen[0]);
        assert_eq!(decided_by(&gates, &[report(ReportKind::Custom, "size.json", None)]), gates);
        assert!(decided_by(&gates, &[report(ReportKind::Custom, "other.json", None)]).is_empty());
    }
}

#[test]
fn a_percentile_above_is_good_for_a_pass_alone() {
    let wrk = "Running 1s test\n 99% 12.50ms\n 300 requests in 1s\nTransfer/sec: 1MB";
    for (condition, status) in
        [("<= 13ms", GateStatus::Pass), ("<= 12ms", GateStatus::NoData), (">= 1ms", GateStatus::NoData)]
    {
        assert_eq!(one(Metric::P95, condition, ReportKind::Load, Some(wrk)).status, status, "{condition}");
    }
    let k6 = r#"{"metrics":{"http_reqs":{"count":1000},"http_req_failed":{"passes":2},"http_req_duration":{"p(95)":12.5}}}"#;
    assert_eq!(one(Metric::P95, "<= 12ms", ReportKind::Load, Some(k6)).status, GateStatus::Fail);
    let seen = one(Metric::ErrorRate, "<= 0.1%", ReportKind::Load, Some(k6));
    assert_eq!((seen.status, seen.value.as_deref()), (GateStatus::Fail, Some("0.2% (2 of 1000 requests)")));
}

#[test]
fn what_is_printed_fits_a_terminal_and_its_xml_is_read_back() {
    let gates = gates(&[(Metric::Coverage, ">= 80%"), (Metric::Tests, "no failures")]);
    let bad = "<testsuite><testcase name='a &lt;&amp;&gt; \"b\"'><failure/></testcase></testsuite>";
    let coverage = lcov(1, 3);
    let reports = [
        (ReportKind::Coverage, "lcov.info", Some(coverage.as_str())),
        (ReportKind::Tests, "junit.xml", Some(bad)),
    ];
    let seen = decide_with(&gates, &reports, None, &[]);
    let text = render::text(&seen);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.ends_with("2 of 2 gates in the way\n"), "{text}");
    let read = crate::read::suites(render::junit(&seen).as_bytes()).unwrap();
    assert_eq!((read.failed, read.passed), (2, 0));
}
