//! Ends and failed starts: back-off, crash loops, and what is said of each.

use bascule_engine::ports::Target;
use bascule_model::evidence::{Exit, InstanceState};
use bascule_model::release::{Container, Limits, Service, Traffic};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_is_started_again_at_its_address() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    // The first run ends, the second stays: the container keeps its files.
    let script =
        "if [ -e /tmp/ran ]; then exec httpd -f -p $PORT -h /www; fi; touch /tmp/ran; sleep 0.3; exit 3";
    let spec = spec(world.release(1, vec![Service { traffic: web().traffic, ..worker(script) }]));
    let begun = target.start(FENCE, &spec).await.unwrap().remove(0);
    let again = until(&target, &slot(&spec), |status| runs(status) && status.restarts == 1).await;
    assert_eq!(again.last_exit, Some(Exit::Code { code: 3 }));
    assert_eq!(again.address, begun.address);
    assert!(until_answers(again.address.unwrap()).await.contains("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_ends_while_it_starts_are_a_crash_loop() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![worker("echo no luck; exit 7")]));
    target.start(FENCE, &spec).await.unwrap();
    let looping =
        until(&target, &slot(&spec), |status| matches!(status.state, InstanceState::CrashLoop { .. })).await;
    assert_eq!(looping.last_exit, Some(Exit::Code { code: 7 }));
    assert_eq!(looping.restarts, 2);
    assert!(lines(&target, &spec).await.iter().all(|line| line == "no luck"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_run_is_told() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let user = Some(Container { user: Some("app".to_owned()), ..Container::default() });
    let table = [
        (service(&["nosuch"]), "its program \"nosuch\" is not in the image"),
        (service(&["/etc/notes"]), "is not executable for that user"),
    ];
    for (number, (service, expected)) in (1..).zip(table) {
        let service = Service { container: service.container.or(user.clone()), ..service };
        let spec = spec(world.release(number, vec![service]));
        let begun = target.start(FENCE, &spec).await.unwrap();
        let InstanceState::CannotStart { reason } = &begun[0].state else { panic!("{begun:#?}") };
        assert!(reason.contains(expected), "{reason}");
        target.stop(FENCE, &slot(&spec)).await.unwrap();
    }
    assert!(world.containers().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_needs_too_much_memory_is_told_from_others() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let service = Service {
        limits: Limits { memory: Some(16 * 1024 * 1024), ..Limits::default() },
        // Lines without end: tail keeps them all.
        ..worker("exec tail -c 200000000 /dev/zero")
    };
    let spec = spec(world.release(1, vec![service]));
    target.start(FENCE, &spec).await.unwrap();
    let ended = until(&target, &slot(&spec), |status| status.last_exit.is_some()).await;
    assert_eq!(ended.last_exit, Some(Exit::Signal { signal: 9, out_of_memory: true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_not_the_manifests_is_told() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let traffic = |port| Some(Traffic { port, path: "/".to_owned(), hosts: Vec::new() });
    let other = Service { traffic: traffic(3000), ..worker("exec httpd -f -p 8080 -h /www") };
    let own = Service { traffic: traffic(3000), ..worker("exec httpd -f -p 127.0.0.1:3000 -h /www") };
    for (number, service, expected) in [
        (1, other, "it listens on 8080, the manifest says 3000"),
        (2, own, "which only the container itself can reach"),
    ] {
        let spec = spec(world.release(number, vec![service]));
        target.start(FENCE, &spec).await.unwrap();
        let begun = std::time::Instant::now();
        loop {
            let seen = target.explain(&slot(&spec), &instance(&spec, 1)).await;
            if seen.as_ref().is_some_and(|seen| seen.contains(expected)) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{seen:?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        target.stop(FENCE, &slot(&spec)).await.unwrap();
    }
}
