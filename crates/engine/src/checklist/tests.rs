//! Tests: each item passes with its evidence, and without it says which command brings it.

use std::time::Duration;

use bascule_model::gate::Waiver;
use bascule_model::ids::{ReleaseId, RunId};
use bascule_model::rehearsal::RehearsedRun;

use super::*;
use crate::testing::{ARTIFACT, key, release, schema};

fn decided(gate: &str, status: GateStatus) -> Decision {
    Decision { status, why: "seen".to_owned(), required: false, ..item(gate, "== 0") }
}

fn record(decisions: Vec<Decision>) -> PipelineRecord {
    PipelineRecord {
        run: "p1".to_owned(),
        app: "shop".to_owned(),
        commit: "c0".to_owned(),
        dirty: false,
        artifact: Some(ARTIFACT.to_owned()),
        began_at: Timestamp::UNIX_EPOCH,
        ended_at: None,
        passed: None,
        reports: Vec::new(),
        decisions,
    }
}

fn rehearsal() -> Rehearsal {
    let run = |kind| RehearsedRun {
        run: RunId::from_text("x"),
        kind,
        release: ReleaseId::from_text("r1"),
        steps: vec!["lease".to_owned(), "switch".to_owned()],
        took_ms: 1,
    };
    Rehearsal {
        app: key("staging").app,
        artifact: ARTIFACT.to_owned(),
        environment: "staging".parse().unwrap(),
        runs: [RunKind::Deploy, RunKind::Rollback, RunKind::Deploy].map(run).into(),
        requests: 100,
        lost: 0,
        began_at: Timestamp::UNIX_EPOCH,
        ended_at: Timestamp::UNIX_EPOCH,
        actor: "ada".to_owned(),
    }
}

/// Everything that is needed, owned, to be changed by a case.
struct World {
    release: Release,
    settled: Option<Release>,
    pipeline: Option<PipelineRecord>,
    rehearsal: Option<Rehearsal>,
    checks: usize,
    left_out: Vec<String>,
}

impl World {
    fn complete() -> Self {
        Self {
            release: release("production", &["A", "B"]),
            settled: Some(release("staging", &["A", "B"])),
            pipeline: Some(record(vec![
                decided("tests", GateStatus::Pass),
                decided("critical", GateStatus::Pass),
            ])),
            rehearsal: Some(rehearsal()),
            checks: 1,
            left_out: Vec::new(),
        }
    }

    fn items(&self) -> Vec<Decision> {
        let (key, from) = (key("production"), "staging".parse().unwrap());
        items(&Facts {
            key: &key,
            release: &self.release,
            checks: self.checks,
            promote_from: self.settled.is_some().then_some(&from),
            settled: self.settled.as_ref(),
            pipeline: self.pipeline.as_ref(),
            rehearsal: self.rehearsal.as_ref(),
            left_out: &self.left_out,
            now: Timestamp::from_second(3600).unwrap(),
        })
    }

    /// The items that block; each has to say why, and what to do.
    fn blocking(&self) -> Vec<String> {
        let blocking = self.items().into_iter().filter(Decision::blocks);
        blocking
            .map(|item| {
                assert!(!item.why.is_empty() && item.remedy.is_some(), "{item:?}");
                item.gate
            })
            .collect()
    }
}

#[test]
fn with_all_evidence_every_item_passes() {
    let items = World::complete().items();
    assert!(items.iter().all(|item| item.status == GateStatus::Pass && item.required), "{items:#?}");
    assert_eq!(items.len(), 6);
}

#[test]
fn each_item_without_its_evidence_blocks() {
    type Change = fn(&mut World);
    let cases: [(&str, Change, &[&str]); 18] = [
        ("no pipeline", |it| it.pipeline = None, &["tests", "critical"]),
        (
            "a pipeline of another artifact",
            |it| it.pipeline.as_mut().unwrap().artifact = Some("sha256:bb".to_owned()),
            &["tests", "critical"],
        ),
        ("no artifact yet", |it| it.release.artifact.clear(), &["tests", "critical", "rollback"]),
        (
            "a gate that was not decided",
            |it| it.pipeline = Some(record(vec![decided("tests", GateStatus::Pass)])),
            &["critical"],
        ),
        (
            "gates that do not pass",
            |it| {
                it.pipeline = Some(record(vec![
                    decided("tests", GateStatus::Stale),
                    decided("critical", GateStatus::Fail),
                ]));
            },
            &["tests", "critical"],
        ),
        (
            "a gate without data",
            |it| {
                it.pipeline = Some(record(vec![
                    decided("tests", GateStatus::NoData),
                    decided("critical", GateStatus::Waived),
                ]));
            },
            &["tests"],
        ),
        ("nothing promoted", |it| it.settled = None, &["migrations", "configuration"]),
        (
            "other migrations there",
            |it| it.settled.as_mut().unwrap().schema = Some(schema("s2")),
            &["migrations"],
        ),
        ("no migrations there", |it| it.settled.as_mut().unwrap().schema = None, &["migrations"]),
        ("never rehearsed", |it| it.rehearsal = None, &["rollback"]),
        (
            "another artifact rehearsed",
            |it| it.rehearsal.as_mut().unwrap().artifact = "sha256:bb".to_owned(),
            &["rollback"],
        ),
        (
            "rehearsed as another app",
            |it| it.rehearsal.as_mut().unwrap().app = "register".parse().unwrap(),
            &["rollback"],
        ),
        ("requests lost", |it| it.rehearsal.as_mut().unwrap().lost = 1, &["rollback"]),
        ("rehearsed without requests", |it| it.rehearsal.as_mut().unwrap().requests = 0, &["rollback"]),
        ("no verify check", |it| it.checks = 0, &["monitoring"]),
        ("no bake", |it| it.release.rollout.bake = Duration::ZERO, &["monitoring"]),
        ("no health check", |it| it.release.services[0].health.probe = Probe::Uptime, &["monitoring"]),
        ("a key that is not there", |it| it.release.services[0].configuration.clear(), &["configuration"]),
    ];
    for (name, change, expected) in cases {
        let mut world = World::complete();
        change(&mut world);
        assert_eq!(world.blocking(), expected, "{name}");
    }
}

#[test]
fn what_a_pipeline_let_pass_is_not_passed_here() {
    let waived = |until: &str| Decision {
        waiver: Some(Waiver {
            gate: "critical".to_owned(),
            reason: "no fix".to_owned(),
            who: "ana".to_owned(),
            until: until.to_owned(),
        }),
        ..decided("critical", GateStatus::Waived)
    };
    for (critical, expected) in [
        (
            Decision { condition: "<= 100".to_owned(), ..decided("critical", GateStatus::Pass) },
            &["critical"][..],
        ),
        (Decision { condition: "<1".to_owned(), ..decided("critical", GateStatus::Pass) }, &[]),
        (waived("1969-12-31"), &["critical"]),
        (waived("1970-02-01"), &[]),
    ] {
        let mut world = World::complete();
        world.pipeline = Some(record(vec![decided("tests", GateStatus::Pass), critical.clone()]));
        assert_eq!(world.blocking(), expected, "{critical:?}");
    }
}

#[test]
fn a_key_that_another_service_has_is_missing_all_the_same() {
    let mut world = World::complete();
    let settled = world.settled.as_mut().unwrap();
    let mut worker = settled.services[0].clone();
    worker.name = "worker".parse().unwrap();
    settled.services.push(worker.clone());
    worker.configuration.remove("B");
    world.release.services.push(worker);
    assert_eq!(world.blocking(), ["configuration"]);
    let items = world.items();
    let configuration = items.iter().find(|item| item.gate == "configuration").unwrap();
    assert_eq!(configuration.why, "missing here: B of worker");
}

#[test]
fn what_is_left_out_on_purpose_is_not_missing() {
    let mut world = World::complete();
    world.release.services[0].configuration.remove("B");
    assert_eq!(world.blocking(), ["configuration"]);
    world.left_out.push("B".to_owned());
    assert!(world.blocking().is_empty());
}

#[test]
fn a_release_without_migrations_has_none_to_verify() {
    let mut world = World::complete();
    world.release.schema = None;
    assert!(world.blocking().is_empty());
}
