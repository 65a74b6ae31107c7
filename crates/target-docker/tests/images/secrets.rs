//! Secrets of a build: there while it runs, and nowhere afterwards.

use std::collections::BTreeMap;

use bascule_model::problem::Code;
use bascule_model::release::{Configuration, ImageBuild};
use bascule_target_docker::Builder;
use futures_util::StreamExt as _;

use crate::support::*;

const VALUE: &str = "kept-nowhere-4711";

fn with_secret() -> (ImageBuild, Configuration) {
    let build = ImageBuild { secrets: vec!["token".to_owned()], ..build() };
    let build_secrets = BTreeMap::from([
        ("token".to_owned(), VALUE.to_owned()),
        ("unnamed".to_owned(), "never asked for".to_owned()),
    ]);
    (build, Configuration { build_secrets, ..Default::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_layer_history_log_or_label() {
    let Some(world) = World::new().await else { return };
    world.busybox();
    let mount = "RUN --mount=type=secret,id=token";
    world.write(
        "Dockerfile",
        format!(
            "{BASE}{mount} busybox=/bin/busybox; $busybox cat /run/secrets/token; $busybox wc -c < /run/secrets/token > /length; : {}\n",
            world.state_id
        ),
    );
    let (build, values) = with_secret();
    let (fingerprint, command) = world.survey(build.clone()).await;
    assert!(command.contains("--secret token"), "{command}");
    let made = world.build_as(Builder::Best, build.clone(), &values).await.unwrap();
    let log = world.log();
    assert!(log.contains("[secret token]"), "the build wrote it, and it was hidden: {log}");
    assert!(!log.contains(VALUE), "{log}");
    assert!(!world.notes.lock().unwrap().join("\n").contains(VALUE));

    let docker = docker();
    let id = made.digest.trim_start_matches("image:");
    let history = serde_json::to_string(&docker.image_history(id).await.unwrap()).unwrap();
    let inspected = serde_json::to_string(&world.inspect(&made.digest).await.unwrap()).unwrap();
    assert!(history.contains("token") && !history.contains(VALUE), "{history}");
    assert!(!inspected.contains(VALUE), "{inspected}");
    let mut saved = Vec::new();
    let mut parts = docker.export_image(id);
    while let Some(part) = parts.next().await {
        saved.extend_from_slice(&part.unwrap());
    }
    let has = |text: &str| saved.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has(&format!("{}\n", VALUE.len())), "the build could read it");
    assert!(!has(VALUE));

    // Another value is no reason to build again, and leaves no trace in what tells builds apart.
    let mut others = values.clone();
    others.build_secrets.insert("token".to_owned(), "another one".to_owned());
    assert_eq!(world.survey(build.clone()).await.0, fingerprint);
    let again = world.build_as(Builder::Best, build, &others).await.unwrap();
    assert_eq!(again.digest, made.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_step_does_not_tell_it() {
    let Some(world) = World::new().await else { return };
    world.busybox();
    let mount = "RUN --mount=type=secret,id=token";
    world.write("Dockerfile", format!("{BASE}{mount} /bin/busybox cat /run/secrets/token; exit 4\n"));
    let (build, values) = with_secret();
    let failed = world.build_as(Builder::Best, build, &values).await.unwrap_err();
    assert_eq!(failed.code, Code::BuildFailed);
    assert!(failed.message.contains("[secret token]") && !failed.message.contains(VALUE), "{failed}");
    assert!(!world.log().contains(VALUE));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_not_named_is_not_told() {
    let Some(world) = World::new().await else { return };
    world.busybox();
    let mount = "RUN --mount=type=secret,id=unnamed,required=true";
    world.write("Dockerfile", format!("{BASE}{mount} true; : {}\n", world.state_id));
    let (build, values) = with_secret();
    let failed = world.build_as(Builder::Best, build, &values).await.unwrap_err();
    assert_eq!(failed.code, Code::BuildFailed);
    assert!(failed.message.contains("unnamed"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_builder_gets_none() {
    let Some(world) = World::new().await else { return };
    world.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    let (build, values) = with_secret();
    let refused = world.build_as(Builder::Classic, build, &values).await.unwrap_err();
    assert_eq!(refused.code, Code::ContainerEngineUnfit);
    assert!(refused.message.contains("token") && refused.remedy.contains("buildkit"), "{refused:?}");
    assert!(world.images.list_unneeded(&[]).await.unwrap().is_empty());
}
