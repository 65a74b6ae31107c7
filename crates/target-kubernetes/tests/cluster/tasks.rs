//! Tasks of a deploy: Jobs of the new release, over before its pods are there, or before users come to them.

use std::time::Duration;

use bascule_fake_cluster::{Fault, Matcher, PodScript};
use bascule_model::manifest::InstanceText;
use bascule_model::problem::Code;
use bascule_model::release::{Before, Task};
use bascule_model::run::Outcome;
use serde_json::json;

use crate::driven::Driven;
use crate::support::image;

const PROGRAM: &str = "./migrate";

fn task(name: &str, before: Before) -> Task {
    Task {
        name: name.parse().unwrap(),
        service: "web".parse().unwrap(),
        command: vec![InstanceText::literal(PROGRAM), InstanceText::literal("$HOME")],
        before,
        timeout: Duration::from_secs(60),
    }
}

/// A live release of the image 1, and tasks for those that come.
async fn with(tasks: &[Task]) -> Driven {
    let driven = Driven::new();
    driven.deploy(1).await.live();
    let mut driven = driven;
    driven.wish.release.tasks = tasks.to_vec();
    driven
}

fn ends(driven: &Driven, number: u64, code: i32, after: Duration) {
    let script = PodScript::exits(code, after).logs(["first", "no such column: price"]);
    driven.cluster.program(&image(number), PROGRAM, script);
}

fn names(driven: &Driven, kind: &str) -> Vec<String> {
    let name = |object: &serde_json::Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    driven.cluster.list(kind).iter().map(name).collect()
}

async fn until_no_job(driven: &Driven) {
    for _ in 0..600 {
        if names(driven, "Job").is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("left: {:?}", names(driven, "Job"));
}

#[tokio::test(start_paused = true)]
async fn they_are_jobs_of_the_new_image_and_over_in_time() {
    let driven = with(&[task("warm", Before::Switch), task("migrate", Before::Start)]).await;
    ends(&driven, 2, 0, Duration::from_secs(5));
    // What is there when each of them ends.
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    for point in ["before-start", "before-switch"] {
        let seen = std::sync::Arc::clone(&seen);
        driven.at(&format!("deploy.{point}.apply.after"), move |cluster| {
            let ready = |one: &serde_json::Value| one["status"]["readyReplicas"].as_u64().unwrap_or(0);
            let deployments = cluster.list("Deployment");
            seen.lock().unwrap().push(deployments.iter().map(ready).collect::<Vec<_>>());
        });
    }
    driven.cluster.forget_calls();
    driven.deploy(2).await.live();
    assert_eq!(*seen.lock().unwrap(), [vec![2], vec![2, 2]]);
    let made: Vec<_> = driven.cluster.calls().into_iter().filter(|call| call.resource == "jobs").collect();
    assert_eq!(made.iter().filter(|call| call.verb == "create").count(), 2, "{made:#?}");
    let written = String::from_utf8(driven.outside.written.lock().unwrap().clone()).unwrap();
    assert_eq!(written.matches("no such column: price\n").count(), 2, "{written}");
    until_no_job(&driven).await;
    assert_eq!(driven.agreed().await, driven.recorded().await.unwrap().to_string());
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_leaves_nothing_of_its_release() {
    let table = [(Before::Start, 3), (Before::Switch, 3)];
    for (before, code) in table {
        let driven = with(&[task("migrate", before)]).await;
        let live = driven.agreed().await;
        let there = (names(&driven, "Deployment"), names(&driven, "ConfigMap"), names(&driven, "Secret"));
        ends(&driven, 2, code, Duration::from_secs(2));
        let ended = driven.deploy(2).await;
        let message = ended.cause.clone().unwrap().message;
        assert!(message.contains("the task migrate ended with exit status 3"), "{message}");
        assert!(message.contains("no such column: price"), "{message}");
        ended.back(Code::TaskFailed);
        until_no_job(&driven).await;
        assert_eq!(driven.agreed().await, live);
        assert_eq!(
            (names(&driven, "Deployment"), names(&driven, "ConfigMap"), names(&driven, "Secret")),
            there
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_end_is_ended() {
    let driven = with(&[task("migrate", Before::Start)]).await;
    driven.cluster.program(&image(2), PROGRAM, PodScript::never_ready());
    let ended = driven.deploy(2).await;
    let message = ended.cause.clone().unwrap().message;
    assert!(message.contains("was not over within 60 s"), "{message}");
    ended.back(Code::TaskFailed);
    until_no_job(&driven).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_the_api_server_does_on_the_way() {
    for fault in [Fault::LostAnswer, Fault::Status(503), Fault::Hang] {
        for verb in ["create", "list", "get", "delete"] {
            for resource in ["jobs", "pods", "pods/log"] {
                let driven = with(&[task("migrate", Before::Start)]).await;
                ends(&driven, 2, 0, Duration::from_secs(2));
                driven.cluster.fault(Matcher::any().verb(verb).resource(resource).first(2), fault);
                let ended = driven.deploy(2).await;
                // A log that cannot be had is no reason to go on without knowing what it says.
                ended.live();
                until_no_job(&driven).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_on_the_way_begins_it_anew() {
    for point in ["deploy.before-start.apply.before", "deploy.before-start.apply.after"] {
        let driven = with(&[task("migrate", Before::Start)]).await;
        ends(&driven, 2, 0, Duration::from_secs(2));
        let (there, on) = driven.hold(point);
        let begun = driven.begin(2).await.unwrap();
        driven.killed(begun, there).await;
        drop(on);
        let next = driven.next();
        next.go_on().await.unwrap().live();
        until_no_job(&next).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_left_running_is_ended_before_it_is_begun_again() {
    let driven = with(&[task("migrate", Before::Start)]).await;
    ends(&driven, 2, 0, Duration::from_secs(2));
    let labels = json!({
        "app.kubernetes.io/managed-by": "bascule", "app.kubernetes.io/name": "shop", "bascule.dev/app": "shop",
        "bascule.dev/environment": "staging", "bascule.dev/exec": "web", "bascule.dev/task": "migrate",
    });
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "left", "labels": labels, "annotations": { "bascule.dev/owner": "another-machine" } },
        "spec": { "template": { "metadata": { "labels": labels }, "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "app", "image": image(1) }],
        } } },
    });
    driven.cluster.create(crate::support::NAMESPACE, job);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(names(&driven, "Job"), ["left"]);
    driven.deploy(2).await.live();
    until_no_job(&driven).await;
    let calls = driven.cluster.calls();
    let of_jobs = |verb: &str| calls.iter().position(|call| call.resource == "jobs" && call.verb == verb);
    assert!(of_jobs("delete") < of_jobs("create"), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn another_machine_takes_away_what_was_made_for_one_that_failed() {
    let mut first = Driven::alone();
    let live = first.deploy(1).await.live();
    let made = |driven: &Driven| (names(driven, "ConfigMap"), names(driven, "Deployment"));
    let before = made(&first);
    first.wish.release.tasks = vec![task("migrate", Before::Start)];
    first.wish.configuration.env = [("web".parse().unwrap(), [("MODE", "new")])]
        .map(|(service, values)| {
            let text = |(name, value): (&str, &str)| (name.to_owned(), InstanceText::literal(value));
            (service, values.map(text).into())
        })
        .into();
    ends(&first, 2, 3, Duration::from_secs(2));
    let (there, _on) = first.hold("deploy.before-start.undo.before");
    let begun = first.begin(2).await.unwrap();
    first.killed(begun, there).await;
    assert_ne!(made(&first), before, "nothing was made for the task");
    tokio::time::advance(Duration::from_secs(60)).await;
    let second = first.empty_machine();
    let ended = second.take_over().await.unwrap().unwrap();
    ended.back(Code::TaskFailed);
    assert_eq!(second.agreed().await, live.as_str());
    assert_eq!(made(&second), before);
    until_no_job(&second).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_not_is_told_before_anything_is_made() {
    let driven = with(&[]).await;
    driven.cluster.deny("create", "jobs");
    driven.deploy(2).await.live();
    let mut driven = driven;
    driven.wish.release.tasks = vec![task("migrate", Before::Start)];
    let there = names(&driven, "Deployment");
    let refused = driven.deploy(3).await;
    assert_eq!(refused.outcome, Outcome::Refused, "{refused:?}");
    let cause = refused.cause.unwrap();
    assert_eq!(cause.code, Code::ClusterForbidden, "{cause:?}");
    assert!(cause.message.contains("create jobs"), "{cause:?}");
    assert_eq!(names(&driven, "Deployment"), there);
}
