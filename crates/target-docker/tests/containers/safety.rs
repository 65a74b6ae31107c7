//! What a container may do and use, seen from inside it, and what nobody sees from outside.

use std::path::Path;
use std::time::Duration;

use bascule_engine::ports::Target;
use bascule_model::problem::Code;
use bascule_model::release::{Container, Limits, RootUser, Service, Stop, Volume, Writing};

use crate::engine;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn root_has_to_be_allowed() {
    let Some(mut world) = World::new().await else { return };
    world.image = engine::image(&world.docker, "root", "CMD [\"sleep\", \"1000\"]").await;
    let target = world.target().await;
    let refused = problem(target.start(FENCE, &spec(world.release(1, vec![worker("sleep 1")]))).await);
    assert_eq!(refused.code, Code::RootRefused, "{refused:?}");
    assert!(target.slots().await.unwrap().is_empty() && world.containers().await.is_empty());
    for container in [
        Container { root: RootUser::Allowed, ..Container::default() },
        Container { user: Some("app".to_owned()), ..Container::default() },
    ] {
        let service = Service { container: Some(container), ..worker("exec sleep 1000") };
        let spec = spec(world.release(2, vec![service]));
        assert!(runs(&target.start(FENCE, &spec).await.unwrap()[0]));
        target.stop(FENCE, &slot(&spec)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn root_by_another_name_is_root() {
    let Some(mut world) = World::new().await else { return };
    let target = world.target().await;
    let mut number = 0;
    let mut start = async |world: &World, user: &str| {
        number += 1;
        let container = Container { user: Some(user.to_owned()), ..Container::default() };
        let stop = Stop { signal: 9, grace: Duration::ZERO };
        let service = Service { container: Some(container), stop, ..worker("exec sleep 1000") };
        let spec = spec(world.release(number, vec![service]));
        let begun = target.start(FENCE, &spec).await;
        target.stop(FENCE, &slot(&spec)).await.unwrap();
        begun.map(|begun| assert!(runs(&begun[0]), "{user}: {begun:#?}"))
    };
    for user in ["toor", "toor:app", "0:0", "00", "-0", "root", ":1000"] {
        let refused = problem(start(&world, user).await);
        assert_eq!(refused.code, Code::RootRefused, "{user}: {refused:?}");
    }
    for user in ["app", "app:root", "1000", "1000:0", "4711"] {
        start(&world, user).await.unwrap();
    }
    let refused = problem(start(&world, "nobody").await);
    assert_eq!(refused.code, Code::InstanceStartFailed, "{refused:?}");
    assert!(refused.message.contains("has no such user"), "{refused:?}");

    // A link leads to the file.
    let text = "FROM scratch\nCOPY root/bin /bin\nCOPY root/etc/passwd /usr/passwd\nCOPY linked /etc\nENV PATH=/bin\n";
    world.image = engine::image_of(&world.docker, "linked", text).await;
    assert_eq!(problem(start(&world, "toor").await).code, Code::RootRefused);
    start(&world, "app").await.unwrap();

    // There is none: a number is all that can be said.
    world.image =
        engine::image_of(&world.docker, "nobodies", "FROM scratch\nCOPY root/bin /bin\nENV PATH=/bin\n")
            .await;
    assert!(problem(start(&world, "app").await).message.contains("has no such user"));
    assert_eq!(problem(start(&world, "0").await).code, Code::RootRefused);
    start(&world, "1000").await.unwrap();
    assert!(world.containers().await.is_empty(), "what was made to look is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_has_no_more_rights_than_it_needs() {
    let Some(mut world) = World::new().await else { return };
    world.image = engine::image(&world.docker, "root", "CMD [\"sleep\", \"1000\"]").await;
    let target = world.target().await;
    let shared = tempfile::tempdir().unwrap();
    std::fs::write(shared.path().join("note"), "seen\n").unwrap();
    let service = Service {
        container: Some(Container {
            root: RootUser::Allowed,
            capabilities: vec!["CHOWN".to_owned()],
            files: Writing::ReadOnly,
            volumes: vec![Volume {
                source: shared.path().display().to_string(),
                target: "/shared".to_owned(),
                writing: Writing::ReadOnly,
            }],
            extra_hosts: vec!["db:10.1.2.3".to_owned()],
            ..Container::default()
        }),
        limits: Limits { memory: Some(32 * 1024 * 1024), cpu_millis: Some(500), pids: Some(50) },
        ..worker(
            "cat /proc/self/status; touch /x || echo sealed; touch /tmp/x && echo tmp; cat /shared/note; \
             touch /shared/x || echo shared is sealed; cat /etc/hosts; \
             cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max \
             /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; echo end; exec sleep 1000",
        )
    };
    let spec = spec(world.release(1, vec![service]));
    target.start(FENCE, &spec).await.unwrap();
    let lines = until_lines(&target, &spec, |lines| lines.iter().any(|line| line == "end")).await;
    let has = |text: &str| assert!(lines.iter().any(|line| line == text), "{text}: {lines:#?}");
    has("NoNewPrivs:\t1");
    // CAP_CHOWN is the first bit.
    has("CapBnd:\t0000000000000001");
    has("CapEff:\t0000000000000001");
    has("sealed");
    has("tmp");
    has("seen");
    has("shared is sealed");
    has("10.1.2.3\tdb");
    has("33554432");
    has("50");
    let host = engine::inspect(&world.docker, instance(&spec, 1).as_str()).await.host_config.unwrap();
    assert_eq!(host.nano_cpus, Some(500_000_000));
    assert_eq!(host.memory_swap, Some(33_554_432), "no swap on top");
    assert_eq!(host.restart_policy.unwrap().name.unwrap().to_string(), "no");
    assert!(target.drift(&slot(&spec)).await.is_empty(), "{:?}", target.drift(&slot(&spec)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_files_are_seen_by_the_container_alone() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let service = Service {
        container: Some(Container { secret_files: vec!["TOKEN".to_owned()], ..Container::default() }),
        ..worker("cat $TOKEN_FILE; echo; env; touch /run/secrets/x || echo sealed; exec sleep 1000")
    };
    let spec =
        with_env(spec(world.release(1, vec![service])), &[("TOKEN", "kept-from-all"), ("PLAIN", "shown")]);
    target.start(FENCE, &spec).await.unwrap();
    let lines = until_lines(&target, &spec, |lines| lines.iter().any(|line| line == "sealed")).await;
    assert!(lines.iter().any(|line| line == "kept-from-all"), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "PLAIN=shown"));
    assert!(lines.iter().any(|line| line == "TOKEN_FILE=/run/secrets/TOKEN"), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.starts_with("TOKEN=")), "{lines:#?}");

    let inspected = engine::inspect(&world.docker, instance(&spec, 1).as_str()).await;
    assert!(!serde_json::to_string(&inspected).unwrap().contains("kept-from-all"));
    let mounts = inspected.mounts.unwrap();
    let source = mounts.iter().find_map(|mount| mount.source.clone()).unwrap();
    assert!(Path::new(&source).join("TOKEN").exists());

    // What a control plane that was killed had made for a command goes when the next one begins; the instance's stays.
    let left = Path::new(&source).with_file_name("of-a-command-exec-00");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("TOKEN"), "kept-from-all").unwrap();
    drop(target);
    let target = world.target().await;
    assert!(!left.exists() && Path::new(&source).join("TOKEN").exists());
    target.stop(FENCE, &slot(&spec)).await.unwrap();
    assert!(!Path::new(&source).exists(), "they end with the instance");
}
