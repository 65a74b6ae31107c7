//! Pages as a person sees them without colours, made from what a control plane has really said. None is wider than 80.

use bascule_model::ids::ReleaseId;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Outcome;
use bascule_server::api::{EnvironmentStatus, HistoryEntry, Line, OutcomeLine, Planned, RunReport};
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use crate::view::{Now, history, outcome, plan, report, status};
use crate::watch::steps::{Said, Steps};

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn now() -> Now {
    Now { at: "2026-11-23T16:35:00Z".parse().unwrap(), zone: TimeZone::UTC }
}

/// The text without colours, which has to fit.
fn plain(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    for line in plain.lines() {
        assert!(line.chars().count() <= 80, "{} wide: {line}", line.chars().count());
        assert!(!line.ends_with(' '), "ends in spaces: {line:?}");
    }
    plain
}

fn environment() -> EnvironmentStatus {
    read(include_str!("fixtures/status.json"))
}

fn rolled_back() -> RunReport {
    read(include_str!("fixtures/run_rolled_back.json"))
}

#[test]
fn the_status_of_an_environment() {
    insta::assert_snapshot!(plain(&status::status(&environment(), &now())));
}

#[test]
fn the_status_of_one_in_trouble() {
    let mut environment = environment();
    let live = environment.live.as_mut().unwrap();
    live.errors = Some(1200);
    live.instances[0].healthy = Some(false);
    live.instances[0].health =
        Some("503 Service Unavailable: \u{1b}[31mthe database is away, and so on".to_owned());
    live.instances[1].healthy = None;
    live.instances[1].status.restarts = 7;
    live.instances[1].status.state = read(
        r#"{ "state": "back_off", "exit": { "how": "signal", "signal": 9, "out_of_memory": true }, "until": "2026-11-23T16:36:00Z" }"#,
    );
    environment.standby = None;
    environment.run = Some(read(
        r#"{ "id": "run-1m84kfajk4d", "kind": "deploy", "step": "start", "since": "2026-11-23T16:30:00Z", "actor": "alice@example",
             "stuck": { "code": "STUCK", "message": "the instances of r3 do not end, though they were killed: they wait for a disk", "remedy": "r" } }"#,
    ));
    environment.drift = vec!["1 of 2 instances of r2-6836b6 run".to_owned()];
    insta::assert_snapshot!(plain(&status::status(&environment, &now())));
}

#[test]
fn the_status_of_one_that_never_ran() {
    let mut environment = environment();
    environment.live = None;
    environment.standby = None;
    environment.listen = None;
    insta::assert_snapshot!(plain(&status::status(&environment, &now())));
}

#[test]
fn a_plan() {
    let planned: Planned = read(include_str!("fixtures/plan.json"));
    insta::assert_snapshot!(plain(&plan::plan(&planned)));
}

#[test]
fn a_plan_for_a_cluster() {
    let mut planned: Planned = read(include_str!("fixtures/plan.json"));
    planned.objects = read(include_str!("fixtures/objects.json"));
    insta::assert_snapshot!(plain(&plan::plan(&planned)));
}

#[test]
fn the_history() {
    #[derive(serde::Deserialize)]
    struct Runs {
        runs: Vec<HistoryEntry>,
    }
    let Runs { runs } = read(include_str!("fixtures/history.json"));
    insta::assert_snapshot!(plain(&history::history(&runs, &now())));
}

#[test]
fn the_report_of_a_run_that_was_rolled_back() {
    insta::assert_snapshot!(plain(&report::report(&rolled_back(), &now())));
}

#[test]
fn the_report_of_a_warm_rollback() {
    let warm: RunReport = read(include_str!("fixtures/run_warm_rollback.json"));
    insta::assert_snapshot!(plain(&report::report(&warm, &now())));
}

#[test]
fn outcomes() {
    let environment = environment();
    let mut line: OutcomeLine = rolled_back().outcome.unwrap();
    let mut told = plain(&outcome(&line, Some(&environment), &now()));
    line.error = None;
    for ended in [Outcome::Live, Outcome::Refused, Outcome::Stuck] {
        line.outcome = ended;
        if ended == Outcome::Live {
            line.live_release = Some(ReleaseId::from_text("r2-6836b6"));
        }
        told.push_str(&plain(&outcome(&line, Some(&environment), &now())));
    }
    line.live_release = None;
    line.error = Some(Problem::new(Code::PortInUse, "m", "r"));
    line.outcome = Outcome::Refused;
    told.push_str(&plain(&outcome(&line, None, &now())));
    insta::assert_snapshot!(told);
}

#[test]
fn a_run_while_it_is_followed() {
    let mut steps = Steps::default();
    steps.plan(&rolled_back().plan);
    let mut told = String::new();
    for line in include_str!("fixtures/followed.jsonl").lines() {
        if let Line::Update(update) = read(line)
            && let Some(Said::Ended(line)) = steps.on(&update)
        {
            told.push_str(&plain(&line));
            told.push('\n');
        }
    }
    insta::assert_snapshot!(told);
}
