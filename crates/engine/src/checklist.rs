//! The checklist of an environment: what has to have been seen before it takes a release. Pure. An item that nothing was seen of
//! does not pass.

use std::collections::BTreeSet;

use bascule_model::gate::{Decision, Evidence, GateStatus, PipelineRecord};
use bascule_model::ids::{EnvironmentKey, EnvironmentName};
use bascule_model::plan::RunKind;
use bascule_model::rehearsal::Rehearsal;
use bascule_model::release::{Probe, Release};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What is known of a release that is to be deployed.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Where to.
    pub key: &'a EnvironmentKey,
    /// The release; its artifact is empty while that is still to be made.
    pub release: &'a Release,
    /// How many verify checks it has.
    pub checks: usize,
    /// Where its artifact is promoted from.
    pub promote_from: Option<&'a EnvironmentName>,
    /// The release that its artifact settled as there.
    pub settled: Option<&'a Release>,
    /// The newest run of the pipeline that made the artifact.
    pub pipeline: Option<&'a PipelineRecord>,
    /// The rehearsal of the artifact.
    pub rehearsal: Option<&'a Rehearsal>,
    /// Names of configuration that are left out on purpose.
    pub left_out: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// All items, in order.
#[must_use]
pub fn items(facts: &Facts<'_>) -> Vec<Decision> {
    vec![
        of_pipeline(facts, "tests", "all tests pass"),
        of_pipeline(facts, "critical", "the security scan has no critical findings"),
        migrations(facts),
        rollback(facts),
        monitoring(facts),
        configuration(facts),
    ]
}

fn item(gate: &str, condition: &str) -> Decision {
    Decision {
        gate: gate.to_owned(),
        status: GateStatus::NoData,
        required: true,
        condition: condition.to_owned(),
        value: None,
        why: String::new(),
        remedy: None,
        evidence: Vec::new(),
        waiver: None,
    }
}

/// What the pipeline's gate of that name said of this artifact.
fn of_pipeline(facts: &Facts<'_>, gate: &str, condition: &str) -> Decision {
    let none = item(gate, condition);
    let from = facts.promote_from.map_or(facts.key.environment.as_str(), EnvironmentName::as_str);
    let ship = Some(format!("`bascule ship --to {from}`"));
    let is_made = !facts.release.artifact.is_empty();
    let Some(record) = facts
        .pipeline
        .filter(|record| is_made && record.artifact.as_deref() == Some(facts.release.artifact.as_str()))
    else {
        let why = if is_made { "no pipeline made this artifact" } else { "the artifact is not made yet" };
        return Decision { why: why.to_owned(), remedy: ship, ..none };
    };
    match record.decisions.iter().find(|decision| decision.gate == gate) {
        Some(decision) => {
            let run = Evidence {
                source: format!("pipeline {}", record.run),
                digest: None,
                age_s: age(record.ended_at.unwrap_or(record.began_at), facts.now),
            };
            let mut decision = as_of_today(decision.clone(), facts.now);
            decision.required = true;
            if decision.status == GateStatus::Pass
                && !ZERO.contains(&decision.condition.replace(' ', "").as_str())
            {
                decision.status = GateStatus::NoData;
                decision.why =
                    format!("the pipeline asked for `{}`, which lets some pass", decision.condition);
                decision.remedy = Some(format!("ask for none in [gates], then `bascule ship --to {from}`"));
            }
            decision.evidence.insert(0, run);
            if decision.blocks() && decision.remedy.is_none() {
                decision.remedy = ship;
            }
            decision
        }
        None => {
            let why = format!("pipeline {} decided nothing of that name", record.run);
            let remedy = format!("write `{gate}` in [gates], then `bascule ship --to {from}`");
            Decision { why, remedy: Some(remedy), ..none }
        }
    }
}

/// Conditions that let nothing pass.
const ZERO: [&str; 4] = ["nofailures", "==0", "<=0", "<1"];

/// A decision whose waiver has ended since does not pass any more.
fn as_of_today(mut decision: Decision, now: Timestamp) -> Decision {
    let today = TimeZone::UTC.to_datetime(now).date();
    let holds = |until: &str| until.parse::<Date>().is_ok_and(|day| today <= day);
    let over = decision.waiver.as_ref().map(|waiver| waiver.until.clone()).filter(|until| !holds(until));
    if let Some(until) = over {
        decision.status = GateStatus::Fail;
        decision.why = format!("its waiver ended on {until}");
    }
    decision
}

fn migrations(facts: &Facts<'_>) -> Decision {
    let none = item("migrations", "they were applied and verified where it is promoted from");
    let versions = facts.release.schema.as_ref().map_or(0, |schema| schema.versions.len());
    let Some(ours) = facts.release.schema.as_ref().filter(|_| versions > 0) else {
        return Decision {
            status: GateStatus::Pass,
            value: Some("no migrations".to_owned()),
            why: "the release carries none".to_owned(),
            ..none
        };
    };
    let Some((from, settled)) = facts.promote_from.zip(facts.settled) else {
        return Decision {
            why: "it is promoted from nowhere that they could have been applied in".to_owned(),
            remedy: Some(format!(
                "write promote_from = \"staging\" in [environments.{}], then `bascule deploy staging`",
                facts.key.environment
            )),
            ..none
        };
    };
    let value = Some(format!("{versions} in {} of {from}", settled.id));
    if settled.schema.as_ref().is_some_and(|theirs| theirs.set == ours.set) {
        let evidence = Evidence {
            source: format!("{} of {from}", settled.id),
            digest: Some(ours.set.clone()),
            age_s: age(settled.created_at, facts.now),
        };
        return Decision {
            status: GateStatus::Pass,
            value,
            why: format!("{} settled with them", settled.id),
            evidence: vec![evidence],
            ..none
        };
    }
    Decision {
        status: GateStatus::Fail,
        why: format!("{} of {from} runs on other migrations", settled.id),
        remedy: Some(format!("`bascule deploy {from}`")),
        ..none
    }
}

fn rollback(facts: &Facts<'_>) -> Decision {
    let none = item("rollback", "the rollback plan is documented and was rehearsed with this artifact");
    let from = facts.promote_from.unwrap_or(&facts.key.environment);
    let remedy = Some(format!("`bascule rehearse {from}`"));
    let artifact = facts.release.artifact.as_str();
    let is_of_it =
        |it: &&Rehearsal| !artifact.is_empty() && it.artifact == artifact && it.app == facts.key.app;
    let Some(rehearsal) = facts.rehearsal.filter(is_of_it) else {
        return Decision { why: "this artifact was never rehearsed".to_owned(), remedy, ..none };
    };
    let value = Some(format!(
        "{} of {} requests lost in {} runs",
        rehearsal.lost,
        rehearsal.requests,
        rehearsal.runs.len()
    ));
    let steps: Vec<&str> = rehearsal
        .runs
        .iter()
        .find(|run| run.kind == RunKind::Rollback)
        .map(|run| run.steps.iter().map(String::as_str).collect())
        .unwrap_or_default();
    let evidence = vec![Evidence {
        source: format!("rehearsal in {}", rehearsal.environment),
        digest: None,
        age_s: age(rehearsal.ended_at, facts.now),
    }];
    if rehearsal.lost > 0 || rehearsal.requests == 0 || steps.is_empty() {
        let why = "the rehearsal shows no rollback without loss".to_owned();
        return Decision { status: GateStatus::Fail, value, why, remedy, evidence, ..none };
    }
    let why = format!("it was rolled back in {} by: {}", rehearsal.environment, steps.join(", "));
    Decision { status: GateStatus::Pass, value, why, evidence, ..none }
}

fn monitoring(facts: &Facts<'_>) -> Decision {
    let none = item("monitoring", "a health check of each service with a port, a verify check, thresholds");
    let release = facts.release;
    let place = &facts.key.environment;
    let mut missing = Vec::new();
    for service in &release.services {
        if service.traffic.is_some() && service.health.probe == Probe::Uptime {
            missing.push(format!("a health check of {}", service.name));
        }
    }
    if facts.checks == 0 {
        missing.push("a [[verify]] check".to_owned());
    }
    if release.rollout.bake.is_zero() {
        missing.push("a `bake` in which thresholds are watched".to_owned());
    }
    if release.rollout.max_error_rate >= 1.0 {
        missing.push("a `max_error_rate` below 100%".to_owned());
    }
    if missing.is_empty() {
        let bake = release.rollout.bake.as_secs_f64();
        let value = format!(
            "{} {}; {bake} s watched, at most {}% errors and {} ms at p95",
            facts.checks,
            if facts.checks == 1 { "check" } else { "checks" },
            release.rollout.max_error_rate * 100.0,
            release.rollout.max_p95.as_millis()
        );
        let why = "the release is watched".to_owned();
        return Decision { status: GateStatus::Pass, value: Some(value), why, ..none };
    }
    let missing = missing.join(", ");
    Decision {
        status: GateStatus::Fail,
        why: format!("there is no {}", missing.trim_start_matches("a ")),
        remedy: Some(format!("write {missing} in bascule.toml, then `bascule checklist {place}`")),
        ..none
    }
}

fn configuration(facts: &Facts<'_>) -> Decision {
    let none = item("configuration", "every key of the release that it is promoted from is there");
    let Some((from, settled)) = facts.promote_from.zip(facts.settled) else {
        return Decision {
            why: "it is promoted from nowhere that it could be compared with".to_owned(),
            remedy: Some(format!(
                "write promote_from = \"staging\" in [environments.{}]",
                facts.key.environment
            )),
            ..none
        };
    };
    let (theirs, ours) = (keys(settled), keys(facts.release));
    let missing: Vec<(&str, &str)> = theirs
        .difference(&ours)
        .copied()
        .filter(|(_, name)| facts.left_out.iter().all(|left_out| left_out != name))
        .collect();
    let evidence = vec![Evidence {
        source: format!("{} of {from}", settled.id),
        digest: None,
        age_s: age(settled.created_at, facts.now),
    }];
    let value = Some(format!("{} of {} keys", theirs.len() - missing.len(), theirs.len()));
    if missing.is_empty() {
        let left_out: BTreeSet<&str> = theirs.difference(&ours).map(|(_, name)| *name).collect();
        let left_out: Vec<&str> = left_out.into_iter().collect();
        let why = if left_out.is_empty() {
            "all of them are there".to_owned()
        } else {
            format!("all are there but those that are left out on purpose: {}", left_out.join(", "))
        };
        return Decision { status: GateStatus::Pass, value, why, evidence, ..none };
    }
    // One that another service has is named with the service that lacks it.
    let shown: BTreeSet<String> = missing
        .iter()
        .map(|(service, name)| match ours.iter().any(|(_, other)| other == name) {
            true => format!("{name} of {service}"),
            false => (*name).to_owned(),
        })
        .collect();
    let shown: Vec<String> = shown.into_iter().collect();
    let names: BTreeSet<&str> = missing.iter().map(|(_, name)| *name).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    Decision {
        status: GateStatus::Fail,
        value,
        why: format!("missing here: {}", shown.join(", ")),
        remedy: Some(format!(
            "set them (`bascule diff {from} {0}` shows the rest), or write left_out = [{1}] in [environments.{0}.policy]",
            facts.key.environment,
            quoted.join(", ")
        )),
        evidence,
        ..none
    }
}

/// Each key with its service.
fn keys(release: &Release) -> BTreeSet<(&str, &str)> {
    let services = release.services.iter();
    services
        .flat_map(|service| service.configuration.keys().map(|key| (service.name.as_str(), key.as_str())))
        .collect()
}

/// Seconds since then.
fn age(then: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_second() - then.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
