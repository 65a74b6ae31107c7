//! Tables and properties of the judge.

use std::time::Duration;

use bascule_model::evidence::Status;
use bascule_model::release::{OnNoData, Rollout};
use proptest::prelude::*;

use super::*;

fn rollout() -> Rollout {
    Rollout {
        deadline: Duration::from_secs(300),
        bake: Duration::from_secs(60),
        max_error_rate: 0.01,
        max_p95: Duration::from_secs(2),
        min_requests: 100,
        on_no_data: OnNoData::Probe,
        warm: Duration::from_secs(600),
        keep: 5,
        rolling: None,
    }
}

fn seen(seconds: u64, requests: u64, errors: u64) -> Observation {
    Observation {
        elapsed: Duration::from_secs(seconds),
        users: Counts { requests, errors, slow: 0 },
        ..Observation::default()
    }
}

fn with_former(observation: Observation, all: u64, failed: u64) -> Observation {
    Observation { former: Tally { all, failed }, ..observation }
}

fn probed(seconds: u64, statuses: &[Status]) -> Observation {
    let mut observation = seen(seconds, 0, 0);
    for status in statuses {
        observation.probes.add(*status);
    }
    observation
}

/// The verdict's kind and rule.
fn told(verdict: &Verdict) -> String {
    let kind = match verdict {
        Verdict::GoOn(_) => "go on",
        Verdict::Pass(_) => "pass",
        Verdict::SwitchBack(_) => "switch back",
    };
    format!("{kind}: {}", verdict.judgement().rule)
}

#[track_caller]
fn check(observation: Observation, rollout: &Rollout, expected: &str) -> Judgement {
    let verdict = judge(&observation, rollout);
    assert_eq!(told(&verdict), expected, "{observation:?}\n{}", verdict.judgement().sentence);
    verdict.judgement().clone()
}

#[test]
fn errors_are_weighed_before_the_end_and_counted_at_it() {
    for (seconds, requests, errors, expected) in [
        (1, 0, 0, "go on: watching"),
        (10, 1000, 0, "go on: watching"),
        (10, 1000, 12, "go on: watching"), // above the rate, and chance explains it
        (10, 1000, 22, "switch back: errors"),
        (10, 200, 10, "switch back: errors"), // the demo's 5 %
        (59, 1000, 12, "go on: watching"),
        (60, 1000, 12, "switch back: errors"),
        (60, 1000, 10, "pass: thresholds"), // just what is allowed
        (60, 100, 0, "pass: thresholds"),
        (3600, 100, 0, "pass: thresholds"),
    ] {
        check(seen(seconds, requests, errors), &rollout(), expected);
    }
}

#[test]
fn whose_requests_they_were_is_said() {
    let users = check(seen(60, 1000, 12), &rollout(), "switch back: errors");
    assert!(users.sentence.contains("12 of 1000 requests from users failed"), "{}", users.sentence);
    let own = Observation { asker: Asker::Probe, ..seen(60, 1000, 12) };
    let own = check(own, &rollout(), "switch back: errors");
    assert!(own.sentence.contains("12 of 1000 requests from the probe failed"), "{}", own.sentence);
    let none = check(Observation { asker: Asker::Probe, ..seen(59, 0, 0) }, &rollout(), "go on: watching");
    assert!(!none.sentence.contains("users"), "{}", none.sentence);
}

#[test]
fn few_requests_fail_only_by_a_landslide() {
    for (requests, errors, expected) in [
        (99, 40, "go on: watching"),
        (9, 5, "switch back: landslide"),
        (10, 5, "go on: watching"), // half is not more than half
        (4, 4, "go on: watching"),
        (5, 5, "switch back: landslide"),
        (99, 50, "switch back: landslide"),
    ] {
        let judgement = check(seen(5, requests, errors), &rollout(), expected);
        let status = if expected.starts_with("go") { Status::NoData } else { Status::Fail };
        assert_eq!(judgement.criteria.errors, status);
    }
}

#[test]
fn a_limit_of_zero_allows_no_error_and_a_limit_of_one_all() {
    let none = Rollout { max_error_rate: 0.0, ..rollout() };
    check(seen(5, 500, 1), &none, "switch back: errors");
    check(seen(60, 500, 0), &none, "pass: thresholds");
    let all = Rollout { max_error_rate: 1.0, ..rollout() };
    check(seen(60, 500, 500), &all, "pass: thresholds");
}

#[test]
fn slow_answers_are_judged_by_the_share_a_95th_percentile_allows() {
    let slow = |seconds, requests, slow| {
        let mut observation = seen(seconds, requests, 0);
        observation.users.slow = slow;
        observation
    };
    for (observation, expected, latency) in [
        (slow(5, 50, 50), "go on: watching", Status::NoData),
        (slow(5, 1000, 60), "go on: watching", Status::Pass),
        (slow(5, 1000, 80), "switch back: latency", Status::Fail),
        (slow(60, 1000, 51), "switch back: latency", Status::Fail),
        (slow(60, 1000, 50), "pass: thresholds", Status::Pass),
    ] {
        assert_eq!(check(observation, &rollout(), expected).criteria.latency, latency);
    }
}

#[test]
fn a_restart_fails_at_once_whatever_else_is_seen() {
    for bake in [0, 60] {
        let settings = Rollout { bake: Duration::from_secs(bake), ..rollout() };
        let judgement =
            check(Observation { restarts: 1, ..seen(1, 9, 0) }, &settings, "switch back: restarts");
        assert_eq!(judgement.criteria.restarts, Status::Fail);
        assert!(judgement.sentence.contains("once"), "{}", judgement.sentence);
    }
}

#[test]
fn no_bake_passes_and_says_that_nobody_looked() {
    let settings = Rollout { bake: Duration::ZERO, ..rollout() };
    let judgement = check(seen(0, 1000, 0), &settings, "pass: no-bake");
    let none = Status::NoData;
    assert_eq!(judgement.criteria, Criteria { errors: none, latency: none, restarts: none, probes: none });
}

#[test]
fn an_outage_of_both_is_not_blamed_on_the_new_one() {
    let outage = with_former(seen(10, 1000, 300), 60, 20);
    let judgement = check(outage, &rollout(), "go on: common-outage");
    assert_eq!(judgement.criteria.errors, Status::NoData);
    let judgement =
        check(Observation { elapsed: Duration::from_secs(60), ..outage }, &rollout(), "pass: common-outage");
    let warning = judgement.warning.unwrap();
    assert!(warning.contains("30%") && warning.contains("33%"), "{warning}");

    // The former one has trouble too, and the new one is far worse.
    let judgement =
        check(with_former(seen(10, 1000, 600), 60, 20), &rollout(), "switch back: worse-than-former");
    assert!(
        judgement.sentence.contains("60%") && judgement.sentence.contains("33%"),
        "{}",
        judgement.sentence
    );
    // A mishap of the former one, or too little seen of it, excuses nothing.
    check(with_former(seen(10, 1000, 300), 60, 2), &rollout(), "switch back: errors");
    check(with_former(seen(10, 1000, 300), 5, 5), &rollout(), "switch back: errors");
    // A former one that fails within the limit does not fail.
    check(with_former(seen(10, 1000, 300), 1000, 10), &rollout(), "switch back: errors");
    // It over again: nothing is left to warn of.
    assert_eq!(check(with_former(seen(60, 9000, 9), 60, 20), &rollout(), "pass: thresholds").warning, None);
}

#[test]
fn an_outage_with_few_requests_is_left_to_the_checks() {
    let mut outage = with_former(seen(60, 20, 15), 60, 40);
    check(Observation { elapsed: Duration::from_secs(5), ..outage }, &rollout(), "go on: common-outage");
    for _ in 0..30 {
        outage.probes.add(Status::Pass);
    }
    assert!(check(outage, &rollout(), "pass: probe").warning.is_some());
    outage.probes.add(Status::Fail);
    check(outage, &rollout(), "switch back: probe");
}

#[test]
fn without_data_the_policy_decides() {
    let (pass, fail) = (Status::Pass, Status::Fail);
    for (statuses, expected) in [
        (&[][..], "go on: probe"),
        (&[pass, pass], "go on: probe"),
        (&[pass, Status::NoData, pass], "go on: probe"),
        (&[pass, pass, pass], "pass: probe"),
        (&[pass, pass, fail], "switch back: probe"), // the last one
        (&[fail, pass, pass], "switch back: probe"), // more than a tenth
        (&[fail, pass, pass, pass, pass, pass, pass, pass, pass, pass], "pass: probe"),
    ] {
        let judgement = check(probed(60, statuses), &rollout(), expected);
        assert_eq!(judgement.criteria.errors, Status::NoData, "never a pass for users");
        check(probed(59, statuses), &rollout(), "go on: watching");
    }
    check(probed(90, &[pass, pass]), &rollout(), "switch back: no-data");

    let wait = Rollout { on_no_data: OnNoData::Wait, ..rollout() };
    check(probed(7200, &[fail, fail, fail]), &wait, "go on: waiting");
    check(seen(7200, 100, 0), &wait, "pass: thresholds");
    check(seen(7200, 100, 2), &wait, "switch back: errors");
    let strict = Rollout { on_no_data: OnNoData::Fail, ..rollout() };
    check(probed(60, &[pass, pass, pass]), &strict, "switch back: no-data");
    // Asking for no requests at all does not make silence a pass.
    let none = Rollout { min_requests: 0, on_no_data: OnNoData::Fail, ..rollout() };
    check(seen(60, 0, 0), &none, "switch back: no-data");
    check(seen(60, 1, 0), &none, "pass: thresholds");
}

#[test]
fn counters_that_begin_anew_go_on() {
    let count = |requests, errors, slow| Counts { requests, errors, slow };
    let mut accumulator = Accumulator::after(count(100, 5, 1));
    assert_eq!(accumulator.add(count(150, 7, 1)), count(50, 2, 0));
    assert_eq!(accumulator.add(count(150, 7, 1)), count(50, 2, 0));
    // Started again: all that it says is new.
    assert_eq!(accumulator.add(count(30, 1, 0)), count(80, 3, 0));
    assert_eq!(accumulator.add(count(40, 1, 4)), count(90, 3, 4));
    // Started again, and faster than we looked: only one of them tells.
    assert_eq!(accumulator.add(count(60, 0, 5)), count(150, 3, 9));
    assert_eq!(accumulator.total(), count(150, 3, 9));
}

#[test]
fn names_of_rules_are_stable() {
    let names = Rule::ALL.map(Rule::as_str).join(" ");
    assert_eq!(
        names,
        "watching no-bake restarts errors landslide latency thresholds common-outage worse-than-former probe waiting no-data"
    );
    let json = serde_json::to_value(judge(&seen(60, 1000, 3), &rollout()).judgement()).unwrap();
    assert_eq!(json["rule"], "thresholds");
    assert_eq!(json["criteria"]["probes"], "no-data");
    assert_eq!(json["figures"]["error_rate"], 0.003);
    assert_eq!(
        json["sentence"],
        "3 of 1000 requests from users failed (0.3%, allowed 1%), 0 took longer than 2 s"
    );
}

fn severity(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Pass(_) | Verdict::GoOn(_) => 0,
        Verdict::SwitchBack(_) => 1,
    }
}

prop_compose! {
    fn observations()(
        seconds in 0_u64..120,
        requests in prop_oneof![0_u64..300, 0_u64..20_000],
        errors in 0_u64..400,
        slow in 0_u64..2_000,
        probes in prop::collection::vec(prop_oneof![6 => Just(Status::Pass), 1 => Just(Status::Fail), 1 => Just(Status::NoData)], 0..40),
        former in 0_u64..500,
        former_failed in 0_u64..200,
    ) -> Observation {
        let mut observation = probed(seconds, &probes);
        observation.users = Counts { requests, errors: errors.min(requests), slow: slow.min(requests) };
        observation.former = Tally { all: former, failed: former_failed.min(former) };
        observation
    }
}

prop_compose! {
    fn rollouts()(
        bake in prop_oneof![Just(0_u64), 1_u64..90],
        max_error_rate in prop_oneof![Just(0.0), 0.0_f64..0.2, Just(1.0)],
        min_requests in 0_u64..500,
        on_no_data in prop_oneof![Just(OnNoData::Probe), Just(OnNoData::Wait), Just(OnNoData::Fail)],
    ) -> Rollout {
        Rollout { bake: Duration::from_secs(bake), max_error_rate, min_requests, on_no_data, ..rollout() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn more_errors_never_turn_a_failure_into_a_pass(observation in observations(), rollout in rollouts(), more in 1_u64..500) {
        let mut worse = observation;
        worse.users.errors = (observation.users.errors + more).min(observation.users.requests);
        let (before, after) = (judge(&observation, &rollout), judge(&worse, &rollout));
        prop_assert!(severity(&after) >= severity(&before), "{} became {}", told(&before), told(&after));
    }

    #[test]
    fn more_slow_answers_never_turn_a_failure_into_a_pass(observation in observations(), rollout in rollouts(), more in 1_u64..2_000) {
        let mut worse = observation;
        worse.users.slow = (observation.users.slow + more).min(observation.users.requests);
        let (before, after) = (judge(&observation, &rollout), judge(&worse, &rollout));
        prop_assert!(severity(&after) >= severity(&before), "{} became {}", told(&before), told(&after));
    }

    #[test]
    fn a_restart_always_switches_back(observation in observations(), rollout in rollouts(), restarts in 1_u32..9) {
        let verdict = judge(&Observation { restarts, ..observation }, &rollout);
        prop_assert_eq!(told(&verdict), "switch back: restarts");
    }

    #[test]
    fn a_pass_rests_on_something_that_was_seen(observation in observations(), rollout in rollouts()) {
        let verdict = judge(&observation, &rollout);
        let judgement = verdict.judgement();
        prop_assert!(!judgement.sentence.is_empty());
        if let Verdict::Pass(judgement) = &verdict {
            let criteria = judgement.criteria;
            match judgement.rule {
                Rule::NoBake => prop_assert!(rollout.bake.is_zero()),
                Rule::Thresholds => {
                    prop_assert_eq!((criteria.errors, criteria.latency), (Status::Pass, Status::Pass));
                    prop_assert!(observation.users.requests >= rollout.min_requests.max(1));
                }
                Rule::CommonOutage => prop_assert!(judgement.warning.is_some() && criteria.errors == Status::NoData),
                Rule::Probe => prop_assert!(criteria.probes == Status::Pass && observation.probes.tally.all >= 3),
                rule => prop_assert!(false, "{rule} cannot pass"),
            }
            prop_assert!(observation.elapsed >= rollout.bake);
        }
    }
}

#[test]
fn why_there_is_no_data_is_told_where_it_decides() {
    let why = Some("the Prometheus does not answer");
    let passes = [Status::Pass; 5];
    for (observation, rollout, told) in [
        (probed(60, &passes), rollout(), true),
        (seen(60, 5, 0), Rollout { on_no_data: OnNoData::Fail, ..rollout() }, true),
        (seen(60, 5, 0), Rollout { on_no_data: OnNoData::Wait, ..rollout() }, true),
        (seen(60, 1000, 0), rollout(), false),
        (seen(10, 0, 0), rollout(), false),
    ] {
        let plain = judge(&observation, &rollout);
        let verdict = plain.clone().because(why);
        let sentence = &verdict.judgement().sentence;
        assert_eq!(sentence.ends_with("; the Prometheus does not answer"), told, "{sentence}");
        assert_eq!((verdict.judgement().rule, plain.clone().because(None)), (plain.judgement().rule, plain));
    }
}
