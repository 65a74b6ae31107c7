//! Starting, observing, stopping: the plain course, and each repeated.

use bascule_engine::ports::{PortError, Target};
use bascule_model::evidence::InstanceState;
use bascule_model::ids::{Generation, Slot};
use bascule_model::manifest::InstanceText;
use bascule_model::problem::Code;
use bascule_model::release::Configuration;

use crate::support::*;

#[tokio::test]
async fn a_release_is_started_observed_and_stopped() {
    let world = World::new();
    world.script("shop", "echo started; trap 'echo asked to end; exit 0' TERM; while :; do sleep 0.01; done");
    let artifact = world.artifact(&["shop"]).await;
    let target = world.target().await;
    let spec = blue(release(1, &artifact, vec![command("web", &["./shop"])]));
    let slot = reference(&spec);
    assert!(target.observe(&slot).await.unwrap().is_empty());

    let started = target.start(world.generation, &spec).await.unwrap();
    assert_eq!(started.len(), 1);
    assert!(runs(pid(&started[0])));
    assert_eq!(started[0].id, instance(&slot, "web", 1));
    assert!(started[0].started_at.is_some() && started[0].address.is_none());
    line(&*target, &slot, "web", "started").await;
    assert_eq!(target.slots().await.unwrap(), std::slice::from_ref(&slot));

    let again = target.start(world.generation, &spec).await.unwrap();
    assert_eq!(again, started, "started twice is started once");
    assert_eq!(target.observe(&slot).await.unwrap(), started);

    target.stop(world.generation, &slot).await.unwrap();
    assert!(!runs(pid(&started[0])));
    assert!(target.observe(&slot).await.unwrap().is_empty());
    assert!(target.slots().await.unwrap().is_empty());
    let logged = lines(&*target, &slot, "web").await;
    assert_eq!(
        (logged[0].as_str(), logged.last().unwrap().as_str()),
        ("started", "asked to end"),
        "logs stay"
    );
    target.stop(world.generation, &slot).await.unwrap();

    let unneeded = target.unneeded(&slot.key, &[]).await.unwrap();
    assert_eq!(unneeded.len(), 1, "{unneeded:?}");
    assert!(unneeded[0].what.contains("shop/staging r1-abcdef") && unneeded[0].bytes > 0, "{unneeded:?}");
    assert_eq!(target.unneeded(&slot.key, std::slice::from_ref(&slot.release)).await.unwrap(), []);
    target.prune(world.generation, &slot.key, &[]).await.unwrap();
    assert_eq!(target.unneeded(&slot.key, &[]).await.unwrap(), []);
    assert!(lines(&*target, &slot, "web").await.is_empty());
    assert!(!world.state().join("releases/shop/staging/r1-abcdef").exists());
}

#[tokio::test]
async fn an_instance_gets_its_port_and_a_clean_environment() {
    let world = World::new();
    let target = world.target().await;
    let service = with_traffic(command(
        "web",
        &["/bin/sh", "-c", "echo \"arg $1\"; env; pwd; exec sleep 1000", "x", "$PORT"],
    ));
    let mut spec = blue(release(1, "", vec![service, shell("worker", "env; exec sleep 1000")]));
    let mut url = InstanceText::literal("http://localhost:");
    url.push_variable("PORT");
    let values = [("SECRET".to_owned(), InstanceText::literal("hunter2")), ("URL".to_owned(), url)].into();
    spec.configuration =
        Configuration { env: [("web".parse().unwrap(), values)].into(), ..Configuration::default() };
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    let port = started[0].address.unwrap().port();
    line(&*target, &slot, "web", &format!("arg {port}")).await;
    let folder = world.state().join("releases/shop/staging/r1-abcdef/app");
    line(&*target, &slot, "web", &folder.display().to_string()).await;
    let mut variables: Vec<String> = lines(&*target, &slot, "web")
        .await
        .into_iter()
        .filter(|line| line.contains('=') && !line.starts_with("PWD=") && !line.starts_with("_="))
        .collect();
    variables.sort();
    let mut expected = vec![
        "BASCULE_APP=shop".to_owned(),
        "BASCULE_ENVIRONMENT=staging".to_owned(),
        "BASCULE_INSTANCE=shop-staging-r1-abcdef-web-1".to_owned(),
        "BASCULE_RELEASE=r1-abcdef".to_owned(),
        "BASCULE_SLOT=blue".to_owned(),
        format!("BASCULE_STATE_ID={}", world.state_id()),
        "HOME=/nowhere".to_owned(),
        "LANG=C".to_owned(),
        "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        format!("PORT={port}"),
        "SECRET=hunter2".to_owned(),
        "TZ=UTC".to_owned(),
        format!("URL=http://localhost:{port}"),
    ];
    expected.sort();
    assert_eq!(variables, expected);
    line(&*target, &slot, "worker", "BASCULE_SLOT=blue").await;
    assert!(
        !lines(&*target, &slot, "worker")
            .await
            .iter()
            .any(|line| line.starts_with("PORT=") || line.contains("hunter2"))
    );

    target.stop(world.generation, &slot).await.unwrap();
    let records = world.state().join("instances/shop/staging/r1-abcdef");
    assert!(!records.join("slot.json").exists() && !records.join("configuration.sealed").exists());
}

#[tokio::test]
async fn no_record_on_disk_holds_a_value() {
    let world = World::new();
    let target = world.target().await;
    let mut spec = blue(release(1, "", vec![shell("web", "exec sleep 1000")]));
    let values = [("SECRET".to_owned(), InstanceText::literal("hunter2-in-clear"))].into();
    spec.configuration =
        Configuration { env: [("web".parse().unwrap(), values)].into(), ..Configuration::default() };
    target.start(world.generation, &spec).await.unwrap();
    let mut waiting = vec![world.state()];
    let mut files = 0;
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                waiting.push(entry.path());
                continue;
            }
            files += 1;
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!bytes.windows(16).any(|window| window == b"hunter2-in-clear"), "{:?}", entry.path());
        }
    }
    assert!(files >= 5, "{files}");
    target.stop(world.generation, &reference(&spec)).await.unwrap();
}

#[tokio::test]
async fn a_lower_generation_changes_nothing() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![shell("web", "exec sleep 1000")]));
    let slot = reference(&spec);
    let started = target.start(Generation(7), &spec).await.unwrap();
    assert_eq!(target.stop(Generation(6), &slot).await, Err(PortError::Fenced));
    assert_eq!(target.start(Generation(6), &spec).await, Err(PortError::Fenced));
    assert!(runs(pid(&started[0])));
    drop(target);
    let target = world.target().await;
    assert_eq!(target.stop(Generation(6), &slot).await, Err(PortError::Fenced));
    assert!(runs(pid(&started[0])));
    target.stop(Generation(8), &slot).await.unwrap();
    assert!(!runs(pid(&started[0])));
}

#[tokio::test]
async fn a_release_stands_in_one_slot_only() {
    let world = World::new();
    let target = world.target().await;
    let mut spec = blue(release(1, "", vec![shell("web", "exec sleep 1000")]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    spec.slot = Slot::Green;
    let error = problem(target.start(world.generation, &spec).await.unwrap_err());
    assert!(error.message.contains("stands in blue"), "{error}");
    assert!(target.observe(&reference(&spec)).await.unwrap().is_empty());
    target.stop(world.generation, &reference(&spec)).await.unwrap();
    assert!(matches!(target.observe(&slot).await.unwrap()[0].state, InstanceState::Running { .. }));
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn two_targets_do_not_share_a_state_folder() {
    let world = World::new();
    let _first = world.target().await;
    let second = bascule_target_process::ProcessTarget::open(world.options()).await;
    let error = second.err().map(|error| error.problem()).unwrap();
    assert_eq!(error.code, Code::StateUnusable);
    assert!(error.message.contains("another control plane"), "{error}");
}
