//! The Lease of an environment: taken before anything is written, renewed, given back; and what it means to others.

use std::time::Duration;

use bascule_engine::executor::Driven as Came;
use bascule_engine::ports::{Claim, PortError, Traffic as _};
use bascule_fake_cluster::{FakeCluster, Fault, Matcher};
use bascule_journal::Take;
use bascule_model::ids::{Generation, RunId};
use bascule_model::problem::Code;
use bascule_model::run::Outcome;
use serde_json::{Value, json};

use crate::driven::Driven;
use crate::support::{FENCE, World, key, problem, spec};

const NAME: &str = "shop-staging";

fn claim(owner: &str) -> Claim {
    Claim { key: key(), run: RunId::from_text("run-7"), owner: owner.to_owned(), actor: "ada".to_owned() }
}

fn lease(cluster: &FakeCluster) -> Value {
    cluster.get("Lease", NAME).unwrap()
}

fn holder(cluster: &FakeCluster) -> String {
    lease(cluster)["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

fn generation(cluster: &FakeCluster) -> String {
    lease(cluster)["metadata"]["annotations"]["bascule.dev/generation"].as_str().unwrap().to_owned()
}

/// An engine with another journal comes and says that it is at work.
fn strangers(cluster: &FakeCluster) {
    let there = lease(cluster);
    cluster.edit("Lease", NAME, "bascule", |lease| {
        lease["metadata"]["annotations"]["bascule.dev/owner"] = "state-2".into();
        lease["metadata"]["annotations"]["bascule.dev/actor"] = "eve".into();
        lease["spec"] = json!({
            "holderIdentity": "9@other:/state", "leaseDurationSeconds": 15,
            "leaseTransitions": 1, "renewTime": there["spec"]["renewTime"],
        });
    });
}

#[tokio::test(start_paused = true)]
async fn a_run_has_it_while_it_goes_on_and_gives_it_back() {
    let world = Driven::new();
    world.cluster.forget_calls();
    world.at("deploy.bake.apply.before", |cluster| {
        assert_eq!(holder(cluster), "1@here");
        assert_eq!(generation(cluster), "1");
        assert_eq!(lease(cluster)["metadata"]["annotations"]["bascule.dev/actor"], "somebody");
    });
    world.deploy(1).await.live();
    let calls = world.cluster.calls();
    let writes = |verb: &str| !matches!(verb, "get" | "list" | "watch");
    let mut written = calls
        .iter()
        .filter(|call| writes(&call.verb) && !call.dry_run && call.resource != "selfsubjectaccessreviews");
    assert_eq!(written.next().unwrap().resource, "leases", "before anything else is written");
    assert_eq!(written.next_back().unwrap().resource, "leases", "after everything else");
    assert!(calls.iter().filter(|call| call.resource == "leases" && call.verb == "update").count() > 2);
    assert_eq!(holder(&world.cluster), "");

    world.deploy(2).await.live();
    assert_eq!((holder(&world.cluster), generation(&world.cluster)), (String::new(), "2".to_owned()));
    // What was asked for last ends with the last Service.
    let begun = world.engine.down(&key(), "somebody").await.unwrap();
    assert_eq!(world.drive(begun).await.outcome, Outcome::Live);
    assert!(world.cluster.list("Lease").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_with_another_journal_is_refused_with_the_holders_name() {
    let (first, stranger) = {
        let first = World::new();
        let stranger = World::over(first.cluster.clone(), "state-2");
        (first, stranger)
    };
    let release = spec(1).release;
    first.traffic.take(FENCE, &claim("7@web1:/state"), &release).await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let refused = problem(stranger.traffic.take(Generation(9), &claim("9@web2:/state"), &release).await);
    assert_eq!(refused.code, Code::LeaseHeld, "{refused:?}");
    for part in ["run-7", "ada", "7@web1:/state", "shop/staging", "5 s ago"] {
        assert!(refused.message.contains(part), "{part}: {refused:?}");
    }
    // Also where what stands there would be refused for not being its own.
    first.traffic.open(FENCE, &release).await.unwrap();
    assert_eq!(problem(stranger.traffic.can_open(&release).await).code, Code::LeaseHeld);
    first.traffic.renew(FENCE, &key()).await.unwrap();
    tokio::time::advance(Duration::from_secs(11)).await;
    let late = stranger.traffic.take(Generation(9), &claim("9@web2:/state"), &release).await;
    assert_eq!(problem(late).code, Code::LeaseHeld, "it was renewed");

    // Whoever is silent for so long is passed by, and learns it.
    tokio::time::advance(Duration::from_secs(5)).await;
    stranger.traffic.take(Generation(9), &claim("9@web2:/state"), &release).await.unwrap();
    assert_eq!(lease(&first.cluster)["spec"]["leaseTransitions"], 1);
    assert_eq!(problem(first.traffic.renew(FENCE, &key()).await).code, Code::LeaseHeld);
    first.traffic.give_back(FENCE, &key()).await.unwrap();
    assert_eq!(holder(&first.cluster), "9@web2:/state", "what another one has is left");
}

#[tokio::test(start_paused = true)]
async fn among_engines_with_one_journal_the_generation_decides() {
    let old = World::new();
    let new = World::over(old.cluster.clone(), "state-1");
    let release = spec(1).release;
    old.traffic.take(Generation(1), &claim("1@web1:/state"), &release).await.unwrap();
    // The journal has given it to another one, whatever the time is.
    new.traffic.take(Generation(2), &claim("2@web2:/state"), &release).await.unwrap();
    for late in [
        old.traffic.renew(Generation(1), &key()).await,
        old.traffic.take(Generation(1), &claim("1@web1:/state"), &release).await,
    ] {
        assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
    }
    old.traffic.give_back(Generation(1), &key()).await.unwrap();
    assert_eq!(
        (holder(&old.cluster), generation(&old.cluster)),
        ("2@web2:/state".to_owned(), "2".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_bascule_did_not_make_is_left_alone() {
    let world = World::new();
    let foreign = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": NAME },
        "spec": { "holderIdentity": "another tool" },
    });
    world.cluster.create("another", foreign);
    let refused = problem(world.traffic.take(FENCE, &claim("1@web1:/state"), &spec(1).release).await);
    assert_eq!(refused.code, Code::NameTaken, "{refused:?}");
    assert_eq!(holder(&world.cluster), "another tool");
}

#[tokio::test(start_paused = true)]
async fn every_call_may_go_wrong_once() {
    let faults = [
        Fault::Status(503),
        Fault::TooManyRequests(1),
        Fault::Hang,
        Fault::HangAfter,
        Fault::LostAnswer,
        Fault::Broken,
        Fault::Late(Duration::from_secs(2)),
    ];
    for fault in faults {
        // The second write is a renewal, the last one gives it back.
        for (verb, nth) in [("get", 1), ("create", 1), ("update", 1), ("update", 3)] {
            let world = Driven::new();
            world.cluster.fault(Matcher::any().verb(verb).resource("leases").nth(nth), fault);
            let said = format!("{fault:?} of {verb} {nth}");
            assert_eq!(world.deploy(1).await.outcome, Outcome::Live, "{said}");
            assert_eq!(holder(&world.cluster), "", "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_is_refused_while_another_journals_engine_is_at_work() {
    let world = Driven::new();
    world.deploy(1).await.live();
    let other = world.stranger();
    other.traffic.take(FENCE, &claim("9@web2:/state"), &spec(1).release).await.unwrap();
    world.cluster.forget_calls();
    let ended = world.deploy(2).await;
    assert_eq!(ended.outcome, Outcome::Refused, "{ended:?}");
    let cause = ended.cause.unwrap();
    assert_eq!(cause.code, Code::LeaseHeld, "{cause:?}");
    assert!(format!("{cause:?}").contains("9@web2:/state"), "{cause:?}");
    assert_eq!(world.standing().len(), 1, "nothing was made");
    assert_eq!(holder(&world.cluster), "9@web2:/state");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_loses_it_stops_and_goes_on_when_it_is_free() {
    let world = Driven::new();
    world.deploy(1).await.live();
    let (there, go_on) = world.hold("deploy.ready.apply.before");
    let begun = world.begin(2).await.unwrap();
    let run = begun.run.clone();
    let engine = world.engine.clone();
    let driving = tokio::spawn(async move { engine.drive(begun).await });
    there.await.unwrap();
    strangers(&world.cluster);
    // It says that it is still there, and learns that it is not.
    assert_eq!(driving.await.unwrap(), Came::LostLease);
    drop(go_on);
    let before = tokio::time::Instant::now();
    let begun = world.engine.resume(&run, Take::FromTheDead).await.unwrap();
    let ended = world.drive(begun).await;
    assert_eq!(ended.outcome, Outcome::Live, "{ended:?}");
    assert!(before.elapsed() > Duration::from_secs(5), "the other one was let go first");
    assert_eq!((holder(&world.cluster), generation(&world.cluster)), (String::new(), "3".to_owned()));
    assert_eq!(world.agreed().await, ended.release.unwrap().as_str());
}

#[tokio::test(start_paused = true)]
async fn another_machine_with_the_same_journal_goes_on_where_the_first_one_died() {
    let first = Driven::new();
    let former = first.deploy(1).await.live();
    let (there, _go_on) = first.hold("deploy.switch.apply.before");
    let begun = first.begin(2).await.unwrap();
    let (run, engine) = (begun.run.clone(), first.engine.clone());
    let driving = tokio::spawn(async move { engine.drive(begun).await });
    there.await.unwrap();
    driving.abort();
    let _ = driving.await;

    let second = first.another_machine();
    assert!(second.engine.left_over().await.unwrap().is_empty(), "its lease says that it may be alive");
    tokio::time::advance(Duration::from_secs(16)).await;
    assert_eq!(second.engine.left_over().await.unwrap(), [(run.clone(), Take::IfFree)]);
    assert_eq!(second.recall().await, 2, "the live release and the one that was started");
    let begun = second.engine.resume(&run, Take::IfFree).await.unwrap();
    let ended = second.drive(begun).await;
    assert_eq!(ended.outcome, Outcome::Live, "{ended:?}");
    assert_eq!(second.agreed().await, ended.release.unwrap().as_str());
    assert_eq!((holder(&second.cluster), generation(&second.cluster)), (String::new(), "3".to_owned()));

    let back = second.rollback(Some(&former)).await.unwrap();
    assert_eq!(back.outcome, Outcome::Live, "{back:?}");
    assert_eq!(second.agreed().await, former.as_str());
    // One that has not heard of it is refused by the fence.
    let late = first.traffic.renew(Generation(2), &key()).await;
    assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
    let begun = second.engine.down(&key(), "somebody").await.unwrap();
    assert_eq!(second.drive(begun).await.outcome, Outcome::Live);
    assert!(second.cluster.list("Lease").is_empty() && second.standing().is_empty(), "nothing is left over");
}
