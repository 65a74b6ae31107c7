//! A run that goes on from another machine, which has nothing but the way to the cluster.

use std::time::Duration;

use bascule_engine::executor::Driven as Came;
use bascule_engine::ports::{Claim, IfNone, Namespace, PortError, Traffic as _};
use bascule_engine::steps::{SchemaNeeded, SlotNeeded, Warmth, sequence};
use bascule_engine::take_over::Resumed;
use bascule_fake_cluster::{FakeCluster, Fault, Matcher};
use bascule_journal::Journal as _;
use bascule_model::ids::{Generation, ReleaseId, RunId};
use bascule_model::plan::RunKind;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Outcome;
use base64::Engine as _;
use serde_json::Value;

use crate::driven::{Driven, place};
use crate::support::key;

const NAME: &str = "shop-staging-run";
/// Longer than a Lease holds without being renewed.
const SILENCE: Duration = Duration::from_secs(16);

fn steps() -> Vec<&'static str> {
    sequence(RunKind::Deploy, Warmth::Cold, SlotNeeded::Free, SchemaNeeded::default(), &[])
}

fn kept(cluster: &FakeCluster) -> Option<Value> {
    let secret = cluster.get("Secret", NAME)?;
    let data = secret["data"]["run.json"].as_str().unwrap();
    Some(serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap())
}

/// A machine that dies in a deploy at that point, after a first release was live for a while.
async fn dies_at(point: &str) -> (Driven, String) {
    let first = Driven::alone();
    let live = first.deploy(1).await.live().to_string();
    let (there, _go) = first.hold(point);
    let begun = first.begin(2).await.unwrap();
    first.killed(begun, there).await;
    (first, live)
}

/// The machine that died comes back: whatever it does is refused, in words that say where the environment is, and nothing changes.
async fn is_refused(first: &Driven, second: &Driven) {
    let back = first.next();
    let live = second.selected();
    let standing = second.standing();
    match back.comes_back().await {
        Some(Came::Elsewhere(problem)) => says_where(&problem),
        Some(Came::Over(Outcome::Refused)) | None => {}
        Some(other) => panic!("{other:?}"),
    }
    assert_eq!(back.engine.left_over().await.unwrap(), [], "it is not tried again and again");
    let refused = match back.begin(3).await {
        Ok(begun) => back.drive(begun).await.cause.unwrap(),
        Err(problem) => problem,
    };
    says_where(&refused);
    let refused = back.rollback(None).await.err();
    says_where(&refused.unwrap());
    assert_eq!((second.selected(), second.standing()), (live, standing));
}

#[track_caller]
fn says_where(problem: &Problem) {
    assert_eq!(problem.code, Code::EnvironmentElsewhere, "{problem:?}");
    assert!(problem.message.contains("web2:/state"), "{problem:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_with_an_empty_folder_goes_on_wherever_the_first_one_died() {
    for step in steps() {
        for when in ["before", "after"] {
            let point = format!("deploy.{step}.apply.{when}");
            let (first, former) = dies_at(&point).await;
            let second = first.empty_machine();
            // Of a run that had not taken the Lease nobody knows, and it has done nothing.
            let knows = step != "lease" || when == "after";
            if knows {
                let early = second.take_over().await.unwrap_err();
                assert_eq!(early.code, Code::LeaseHeld, "{point}: {early:?}");
                tokio::time::advance(SILENCE).await;
            }

            let ended = second.take_over().await.unwrap();
            let live = match ended {
                Some(ended) => ended.live().to_string(),
                // Nothing of it was there yet.
                None => former.clone(),
            };
            assert_eq!(live == former, !knows, "{point}");
            assert_eq!(second.agreed().await, live, "{point}");
            second.end_window().await;
            assert_eq!(second.standing(), [live.as_str()], "{point}: nothing is left over");
            is_refused(&first, &second).await;

            let next = second.deploy(5).await.live();
            assert_eq!(second.agreed().await, next.as_str(), "{point}");
            let begun = second.engine.down(&key(), "somebody").await.unwrap();
            assert_eq!(second.drive(begun).await.outcome, Outcome::Live, "{point}");
            assert!(second.cluster.list("Secret").is_empty() && second.standing().is_empty(), "{point}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_with_the_way_back() {
    for step in ["switch", "ready", "start"] {
        for when in ["before", "after"] {
            let first = Driven::alone();
            let former = first.deploy(1).await.live();
            first.failing(false, true);
            let point = format!("deploy.{step}.undo.{when}");
            let (there, _go) = first.hold(&point);
            let begun = first.begin(2).await.unwrap();
            first.killed(begun, there).await;
            first.failing(false, false);
            tokio::time::advance(SILENCE).await;

            let second = first.empty_machine();
            let ended = second.take_over().await.unwrap().unwrap();
            assert_eq!(ended.outcome, Outcome::RolledBack, "{point}: {ended:?}");
            assert_eq!(second.agreed().await, former.as_str(), "{point}");
            assert_eq!(second.standing(), [former.as_str()], "{point}: nothing is left over");
            is_refused(&first, &second).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_with_a_rollback_to_what_stands_by() {
    for point in [
        "rollback.lease.apply.after",
        "rollback.switch.apply.before",
        "rollback.switch.apply.after",
        "rollback.settle.apply.before",
        "rollback.settle.apply.after",
    ] {
        let mut first = Driven::alone();
        first.wish.release.rollout.warm = Duration::from_secs(600);
        let former = first.deploy(1).await.live();
        first.deploy(2).await.live();
        let (there, _go) = first.hold(point);
        let begun = first.engine.rollback(&key(), None, None, "somebody").await.unwrap();
        first.killed(begun, there).await;
        tokio::time::advance(SILENCE).await;

        let second = first.empty_machine();
        let ended = second.take_over().await.unwrap().unwrap();
        assert_eq!(ended.live(), former, "{point}");
        assert_eq!(second.agreed().await, former.as_str(), "{point}");
        is_refused(&first, &second).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_warm_rollback_writes_down_what_it_does_once_before_the_switch() {
    let mut first = Driven::alone();
    first.wish.release.rollout.warm = Duration::from_secs(600);
    first.deploy(1).await.live();
    first.deploy(2).await.live();
    first.cluster.forget_calls();
    first.rollback(None).await.unwrap().live();
    let calls = first.cluster.calls();
    let switch = calls.iter().position(|call| call.verb == "patch" && call.resource == "services").unwrap();
    let before: Vec<_> =
        calls[..=switch].iter().map(|call| (call.verb.as_str(), call.resource.as_str())).collect();
    let needed = [
        // Whether it stands by.
        ("get", "services"),
        ("update", "secrets"),
        ("update", "leases"),
        // The switch.
        ("get", "services"),
        ("patch", "services"),
    ];
    assert_eq!(before, needed, "users wait for it");
    let kept = |call: &&bascule_fake_cluster::Call| call.name == NAME;
    assert_eq!(calls[..switch].iter().filter(kept).count(), 1, "{calls:#?}");
    assert!(calls[switch..].iter().any(|call| call.name == NAME), "and how it ended behind it");
}

#[tokio::test(start_paused = true)]
async fn a_first_deploy_goes_on_as_well_and_one_that_fails_leaves_nothing() {
    for fails in [false, true] {
        let first = Driven::alone();
        first.failing(fails, false);
        let (there, _go) = first.hold("deploy.ready.apply.before");
        let begun = first.begin(1).await.unwrap();
        first.killed(begun, there).await;
        tokio::time::advance(SILENCE).await;
        let second = first.empty_machine();
        let ended = second.take_over().await.unwrap().unwrap();
        if fails {
            assert_eq!(ended.outcome, Outcome::RolledBack, "{ended:?}");
            assert!(second.standing().is_empty() && second.cluster.list("Secret").is_empty());
        } else {
            assert_eq!(second.agreed().await, ended.live().as_str());
            is_refused(&first, &second).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_without_a_run_is_known_there_from_then_on_and_can_be_taken_back() {
    let first = Driven::alone();
    let one = first.deploy(1).await.live();
    let two = first.deploy(2).await.live();
    let second = first.empty_machine();
    assert!(second.take_over().await.unwrap().is_none());
    assert_eq!(second.agreed().await, two.as_str());
    let back = second.rollback(Some(&one)).await.unwrap();
    assert_eq!(back.outcome, Outcome::Live, "{back:?}");
    assert_eq!(second.agreed().await, one.as_str());
    is_refused(&first, &second).await;
    let three = second.deploy(3).await.live();

    let again = first.next();
    assert!(again.take_over().await.unwrap().is_none());
    assert_eq!(again.agreed().await, three.as_str());
    // What it knew to stand before it does not take for leftovers.
    let stands = again.engine.ports().target.slots().await.unwrap();
    let mut stands: Vec<ReleaseId> = stands.into_iter().map(|slot| slot.release).collect();
    stands.sort();
    assert_eq!(stands, [one.clone(), three.clone()]);
    let four = again.deploy(4).await.live();
    assert_eq!(again.agreed().await, four.as_str());
    let late = second.begin(5).await.unwrap();
    let refused = second.drive(late).await;
    assert_eq!(refused.outcome, Outcome::Refused, "{refused:?}");
    let cause = refused.cause.unwrap();
    assert!(cause.code == Code::EnvironmentElsewhere && cause.message.contains("web1:/state"), "{cause:?}");
    // Where it is at home there is nothing to take over.
    assert!(again.take_over().await.unwrap().is_none());
    assert_eq!(again.agreed().await, four.as_str());
    // Once it was taken down, whoever knew it may begin anew.
    let begun = again.engine.down(&key(), "somebody").await.unwrap();
    assert_eq!(again.drive(begun).await.outcome, Outcome::Live);
    assert!(second.take_over().await.unwrap().is_none());
    let six = second.deploy(6).await.live();
    assert_eq!(second.agreed().await, six.as_str());
    // Also whoever has not heard that it was taken over, and down.
    assert!(again.take_over().await.unwrap().is_none());
    assert_eq!(again.agreed().await, six.as_str());
    let begun = again.engine.down(&key(), "somebody").await.unwrap();
    assert_eq!(again.drive(begun).await.outcome, Outcome::Live);
    assert!(second.take_over().await.unwrap().is_none());
    while second.end_window().await {}
    let seven = second.deploy(7).await.live();
    assert_eq!(second.agreed().await, seven.as_str());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_alive_when_it_is_taken_over_cannot_switch() {
    let first = Driven::alone();
    let former = first.deploy(1).await.live();
    let (there, go) = first.hold("deploy.switch.apply.before");
    let begun = first.begin(2).await.unwrap();
    let engine = first.engine.clone();
    let sleeps = tokio::spawn(async move { engine.drive(begun).await });
    there.await.unwrap();
    // It says nothing while another one looks: its machine stood still.
    first.cluster.edit("Lease", "shop-staging", "bascule", |lease| {
        lease["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z".into();
    });
    let second = first.empty_machine();
    let ended = second.take_over().await.unwrap().unwrap();
    let live = ended.live();
    let back = second.rollback(Some(&former)).await.unwrap();
    assert_eq!(back.outcome, Outcome::Live, "{back:?}");
    let _ = go.send(());
    let came = sleeps.await.unwrap();
    assert!(matches!(came, Came::LostLease | Came::Elsewhere(_)), "{came:?}");
    assert_eq!(second.agreed().await, former.as_str(), "and not {live}");
    is_refused(&first, &second).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_that_come_at_once_one_gets_it() {
    let (first, _) = dies_at("deploy.bake.apply.before").await;
    tokio::time::advance(SILENCE).await;
    let (second, third) = (first.empty_machine(), first.empty_machine());
    let place = place();
    let seen = second.traffic.kept(&place, &key()).await.unwrap().unwrap();
    let took = third.traffic.take_from(&place, &key(), &seen, Generation(1 << 32), "c").await.unwrap();
    let late = second.traffic.take_from(&place, &key(), &seen, Generation(1 << 32), "b").await.unwrap();
    assert_eq!((took, late), (true, false));
    // Whoever looks again sees whom it was taken from, and is above that.
    assert_eq!(second.take_over().await.unwrap().unwrap().outcome, Outcome::Live);
    let generation = second.journal.environment(&key()).await.unwrap().unwrap().generation;
    assert!(generation > Generation(2 << 32), "{generation:?}");
    let claim = Claim {
        key: key(),
        run: RunId::from_text("run-9"),
        owner: "1@c".to_owned(),
        actor: "eve".to_owned(),
    };
    let release = second.wish.release.clone();
    third.traffic.owned_by(&key(), Some("state-1"));
    let refused =
        third.traffic.mirror(Generation(1 + (1 << 32)), &claim, &release, b"{}", IfNone::Make).await;
    assert_eq!(refused, Err(PortError::Elsewhere("web2:/state".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_never_in_the_way() {
    let faults = [
        Fault::Status(503),
        Fault::Status(403),
        Fault::Status(409),
        Fault::TooManyRequests(1),
        Fault::Hang,
        Fault::HangAfter,
        Fault::LostAnswer,
        Fault::Broken,
        Fault::Late(Duration::from_secs(3)),
    ];
    for fault in faults {
        for (verb, nth) in [("get", 1), ("create", 1), ("update", 1), ("update", 2), ("update", 3)] {
            let first = Driven::alone();
            first.cluster.fault(Matcher::any().verb(verb).resource("secrets").name(NAME).nth(nth), fault);
            let said = format!("{fault:?} of {verb} {nth}");
            let live = first.deploy(1).await.live();
            // What is kept in the end is how it ended.
            let second = first.empty_machine();
            assert!(second.take_over().await.unwrap().is_none(), "{said}");
            assert_eq!(second.agreed().await, live.as_str(), "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_kept_is_said_and_nobody_goes_on_from_what_is_too_old() {
    let first = Driven::alone();
    first.deploy(1).await.live();
    first.cluster.fault(Matcher::any().verb("update").resource("secrets"), Fault::Status(403));
    let (there, _go) = first.hold("deploy.bake.apply.before");
    let begun = first.begin(2).await.unwrap();
    let run = begun.run.clone();
    first.killed(begun, there).await;
    let events = first.journal.events(&run, 0).await.unwrap();
    assert!(format!("{events:?}").contains("not_mirrored"), "the report says that it was not kept");
    tokio::time::advance(SILENCE).await;
    let second = first.empty_machine();
    let refused = second.take_over().await.unwrap_err();
    assert_eq!(refused.code, Code::MirrorUnusable, "{refused:?}");
    assert!(refused.message.contains(run.as_str()), "{refused:?}");
    assert!(refused.remedy.contains("web1:/state"), "{refused:?}");
    assert_eq!(second.journal.environment(&key()).await.unwrap(), None);
    // The first one goes on, whatever becomes of what is kept.
    assert_eq!(first.next().go_on().await.unwrap().outcome, Outcome::Live);
}

#[tokio::test(start_paused = true)]
async fn who_knows_it_otherwise_is_refused() {
    let (first, _) = dies_at("deploy.bake.apply.before").await;
    tokio::time::advance(SILENCE).await;
    let nobody = first.empty_machine();
    nobody.cluster.edit("Secret", NAME, "eve", |secret| {
        secret["data"]["run.json"] =
            base64::engine::general_purpose::STANDARD.encode("{\"version\":99}").into();
    });
    let refused = nobody.take_over().await.unwrap_err();
    assert!(refused.code == Code::MirrorUnusable && refused.message.contains("99"), "{refused:?}");

    let elsewhere = Driven::alone();
    let none = elsewhere.empty_machine().take_over().await.unwrap_err();
    assert_eq!(none.code, Code::MirrorUnusable, "{none:?}");
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_wants_none_has_none_and_what_was_there_goes() {
    let mut first = Driven::alone();
    first.deploy(1).await.live();
    assert!(kept(&first.cluster).is_some());
    first.wish.release.cluster.as_mut().unwrap().mirror = false;
    "01".clone_into(&mut first.wish.release.content);
    first.deploy(2).await.live();
    assert!(kept(&first.cluster).is_none());
    first.cluster.forget_calls();
    first.deploy(3).await.live();
    let calls = first.cluster.calls();
    assert!(calls.iter().all(|call| call.name != NAME), "it was looked for again: {calls:#?}");
    // And it is kept again from the next deploy on that wants it.
    first.wish.release.cluster.as_mut().unwrap().mirror = true;
    "02".clone_into(&mut first.wish.release.content);
    first.deploy(4).await.live();
    assert!(kept(&first.cluster).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_holds_no_more_than_is_needed_and_costs_few_calls() {
    let mut first = Driven::alone();
    let secret = |text: &str| bascule_model::manifest::InstanceText::literal(text);
    let configuration = &mut first.wish.configuration;
    let env = [("TOKEN".to_owned(), secret("of-the-pods"))].into();
    configuration.env.insert("web".parse().unwrap(), env);
    configuration.build_secrets.insert("NPM_TOKEN".to_owned(), "of-the-build".to_owned());
    configuration.secrets.insert("variables.TOKEN".to_owned(), secret("of-the-pods"));
    configuration.secrets.insert("variables.NPM_TOKEN".to_owned(), secret("of-the-build"));
    first.deploy(1).await.live();
    let text = kept(&first.cluster).unwrap().to_string();
    assert!(text.contains("of-the-pods") && !text.contains("of-the-build"), "{text}");

    first.cluster.forget_calls();
    first.deploy(2).await.live();
    let calls = first.cluster.calls();
    let of_mirror = calls.iter().filter(|call| call.resource == "secrets" && call.verb == "update").count();
    assert!(of_mirror <= 6, "{of_mirror}");
    assert!(calls.len() <= 40, "{}: {calls:#?}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn an_environment_is_not_forgotten_because_the_manifest_names_another_place() {
    let first = Driven::alone();
    let live = first.deploy(1).await.live();
    let before = first.journal.environment(&key()).await.unwrap();
    let another = Namespace { context: Some("another".to_owned()), ..place() };
    let engine = &first.engine;
    // Nothing is kept there, as far as this one can see.
    first.cluster.delete("Secret", NAME);
    let refused = engine.take_over(&another, &key(), Some("/project"), "ben").await.unwrap_err();
    assert_eq!(refused.code, Code::Usage, "{refused:?}");
    for part in [live.as_str(), "current context", "context another"] {
        assert!(refused.message.contains(part), "{part}: {refused:?}");
    }
    assert_eq!(first.journal.environment(&key()).await.unwrap(), before);
}

/// A machine that dies in a deploy, and another one that ended it and took the environment down.
async fn taken_down(point: &str) -> (Driven, Driven) {
    let (first, _) = dies_at(point).await;
    tokio::time::advance(SILENCE).await;
    let second = first.empty_machine();
    second.take_over().await.unwrap().unwrap().live();
    let begun = second.engine.down(&key(), "somebody").await.unwrap();
    assert_eq!(second.drive(begun).await.outcome, Outcome::Live);
    assert!(second.cluster.list("Secret").is_empty() && second.cluster.list("Lease").is_empty());
    (first, second)
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_come_back_to_life_in_an_environment_that_was_taken_down() {
    for point in ["deploy.start.apply.after", "deploy.switch.apply.after", "deploy.bake.apply.before"] {
        for hears_before in [true, false] {
            let (first, _second) = if hears_before {
                let (first, _) = dies_at(point).await;
                tokio::time::advance(SILENCE).await;
                let second = first.empty_machine();
                second.take_over().await.unwrap().unwrap().live();
                assert!(matches!(first.next().comes_back().await, Some(Came::Elsewhere(_))), "{point}");
                let begun = second.engine.down(&key(), "somebody").await.unwrap();
                assert_eq!(second.drive(begun).await.outcome, Outcome::Live);
                (first, second)
            } else {
                taken_down(point).await
            };
            let back = first.next();
            if !hears_before {
                let Some(Came::Elsewhere(problem)) = back.comes_back().await else { panic!("{point}") };
                assert!(problem.message.contains("another machine"), "{problem:?}");
                assert!(problem.remedy.contains("run resume"), "{problem:?}");
            }
            assert_eq!(back.engine.left_over().await.unwrap(), [], "{point}");
            let nothing =
                || first.cluster.list("Secret").is_empty() && first.cluster.list("Lease").is_empty();
            assert!(nothing() && back.standing().is_empty(), "{point}");

            let unfinished = back.journal.active(&key()).await.unwrap().unwrap().id;
            let found = back.engine.take_over(&place(), &key(), Some("/project"), "ben").await.unwrap();
            assert_eq!(found, Resumed::TakenDown { ended: Some(unfinished.clone()) }, "{point}");
            let run = back.journal.run(&unfinished).await.unwrap().unwrap();
            assert_eq!(run.state.outcome, Some(Outcome::RolledBack), "{point}");
            assert!(nothing() && back.standing().is_empty(), "{point}");
            assert_eq!(back.engine.left_over().await.unwrap(), [], "{point}");
            back.recall().await;
            while back.end_window().await {}
            let live = back.deploy(7).await.live();
            assert_eq!(back.agreed().await, live.as_str(), "{point}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_kept_state_somebody_deleted_goes_on_and_is_kept_again() {
    let (first, _) = dies_at("deploy.bake.apply.before").await;
    first.cluster.delete("Secret", NAME);
    let back = first.next();
    let live = back.go_on().await.unwrap().live();
    assert_eq!(back.agreed().await, live.as_str());
    assert!(kept(&first.cluster).is_some());
}

#[tokio::test(start_paused = true)]
async fn whoever_was_taken_over_learns_it_also_where_nothing_is_kept_any_more() {
    let (first, _) = dies_at("deploy.bake.apply.before").await;
    tokio::time::advance(SILENCE).await;
    let second = first.empty_machine();
    second.take_over().await.unwrap().unwrap().live();
    second.cluster.delete("Secret", NAME);
    let back = first.next();
    assert!(matches!(back.comes_back().await, Some(Came::Elsewhere(_))));
    assert_eq!(back.engine.left_over().await.unwrap(), [], "it is not tried again and again");
    assert!(kept(&first.cluster).is_none(), "what it knows is too old to be kept");
}

#[tokio::test(start_paused = true)]
async fn a_new_run_of_whoever_was_taken_over_keeps_nothing_before_the_environment_is_its_own() {
    let first = Driven::alone();
    first.deploy(1).await.live();
    let second = first.empty_machine();
    assert!(second.take_over().await.unwrap().is_none());
    second.deploy(2).await.live();
    second.cluster.delete("Secret", NAME);
    let late = first.begin(3).await.unwrap();
    let refused = first.drive(late).await;
    assert_eq!(refused.outcome, Outcome::Refused, "{refused:?}");
    assert_eq!(refused.cause.unwrap().code, Code::EnvironmentElsewhere);
    assert!(kept(&first.cluster).is_none());
}

#[tokio::test(start_paused = true)]
async fn whether_a_run_is_kept_is_what_the_live_release_says() {
    for live_wants in [true, false] {
        let mut first = Driven::alone();
        for (number, wants) in [(1, !live_wants), (2, live_wants)] {
            first.wish.release.cluster.as_mut().unwrap().mirror = wants;
            first.wish.release.content = format!("0{number}");
            first.deploy(number).await.live();
        }
        assert!(first.end_window().await);
        assert_eq!(kept(&first.cluster).is_some(), live_wants);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_end_was_not_kept_is_not_gone_on_with() {
    let first = Driven::alone();
    first.deploy(1).await.live();
    first.at("deploy.bake.apply.before", |cluster| {
        cluster.fault(Matcher::any().verb("update").resource("secrets"), Fault::Status(403));
    });
    let begun = first.begin(2).await.unwrap();
    let run = begun.run.clone();
    first.drive(begun).await.live();
    let second = first.empty_machine();
    let refused = second.take_over().await.unwrap_err();
    assert_eq!(refused.code, Code::MirrorUnusable, "{refused:?}");
    assert!(refused.message.contains(run.as_str()) && refused.message.contains("over"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_take_over_that_was_cut_off_is_said_and_can_be_done_again() {
    for point in ["deploy.switch.apply.before", "deploy.bake.apply.before"] {
        let (first, _) = dies_at(point).await;
        tokio::time::advance(SILENCE).await;
        let back = first.next();
        // The claim is there, and what was claimed was not taken in.
        let seen = back.traffic.kept(&place(), &key()).await.unwrap().unwrap();
        assert!(
            back.traffic
                .take_from(&place(), &key(), &seen, Generation(1 << 32), "web1:/state")
                .await
                .unwrap()
        );
        let Some(Came::Elsewhere(problem)) = back.comes_back().await else { panic!("it went on") };
        assert!(problem.message.contains("cut off") && problem.remedy.contains("run resume"), "{problem:?}");
        assert_eq!(back.engine.left_over().await.unwrap(), [], "it is not tried again and again");
        let live = back.take_over().await.unwrap().unwrap().live();
        assert_eq!(back.agreed().await, live.as_str());
    }
}
