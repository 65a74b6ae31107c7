//! Clean-up: what nobody keeps goes, with every name that we gave it; nothing else is touched.

use bascule_engine::ports::Artifacts;
use bascule_model::release::{Configuration, ImageFrom};
use bascule_target_docker::Builder;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateImageOptions, RemoveContainerOptions, RemoveImageOptions, TagImageOptions,
};
use futures_util::StreamExt as _;

use crate::registry_server::{Door, Registry};
use crate::support::*;

const BYTES: usize = 300_000;

async fn image(world: &World, seed: u8) -> String {
    world.write("Dockerfile", "FROM scratch\nCOPY data /\n");
    world.write("data", vec![seed; BYTES]);
    world.build(Builder::Best).await.unwrap().digest
}

async fn name(digest: &str, repository: &str) {
    let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some("1".to_owned()) };
    docker().tag_image(digest.trim_start_matches("image:"), Some(options)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_keeps_goes_and_is_told() {
    let Some(world) = World::new().await else { return };
    let (kept, gone) = (image(&world, 1).await, image(&world, 2).await);
    let keep = [kept.clone(), "sha256:files".to_owned()];
    let listed = world.images.unneeded(&keep).await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].what.starts_with("image bascule/shop:"), "{listed:?}");
    assert!((BYTES as u64..BYTES as u64 + 10_000).contains(&listed[0].bytes), "{listed:?}");
    assert!(world.inspect(&gone).await.is_some(), "to list is not to remove");
    assert_eq!(world.images.remove_unneeded(&keep).await.unwrap(), listed);
    assert!(world.inspect(&gone).await.is_none());
    assert!(world.inspect(&kept).await.is_some());
    world.images.prune(&keep).await.unwrap();
    assert!(world.images.unneeded(&keep).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_others_is_touched() {
    let (Some(world), Some(other)) = (World::new().await, World::new().await) else { return };
    let (ours, theirs) = (image(&world, 3).await, image(&other, 4).await);
    // One of ours that somebody gave a name of their own.
    let named = image(&world, 5).await;
    let own_name = format!("bascule-test-{}", world.state_id);
    name(&named, &own_name).await;
    world.note_other(&format!("{own_name}:1"));
    // One of ours that a container still has.
    let used = image(&world, 6).await;
    let image_name = Some(used.trim_start_matches("image:").to_owned());
    let body =
        ContainerCreateBody { image: image_name, cmd: Some(vec!["x".to_owned()]), ..Default::default() };
    let container = docker().create_container(None, body).await.unwrap().id;

    let removed = world.images.remove_unneeded(&[]).await.unwrap();
    let remove = docker().remove_container(&container, None::<RemoveContainerOptions>).await;
    assert!(world.inspect(&ours).await.is_none());
    assert!(world.inspect(&theirs).await.is_some());
    assert!(world.inspect(&used).await.is_some());
    let tags = world.inspect(&named).await.unwrap().repo_tags.unwrap();
    assert_eq!(tags, [format!("{own_name}:1")]);
    assert_eq!(removed.len(), 1, "{removed:?}");
    remove.unwrap();
    world.images.remove_unneeded(&[]).await.unwrap();
    assert!(world.inspect(&used).await.is_none(), "once its container is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_for_a_registry_go_too_and_a_kept_digest_keeps() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    world.write("Dockerfile", "FROM scratch\nCOPY data /\n");
    world.write("data", [7; 1000]);
    let source = world.source(ImageFrom::Build(build()), Some(&registry.repository()));
    let made = world.make(&world.images, &source, &Configuration::default()).await.unwrap();
    let keep = [made.digest.clone()];
    assert!(world.images.unneeded(&keep).await.unwrap().is_empty());
    world.images.prune(&keep).await.unwrap();
    let image = world.inspect(&made.digest).await.unwrap();
    assert_eq!(image.repo_tags.unwrap().len(), 2);
    world.images.prune(&[]).await.unwrap();
    assert!(world.inspect(&image.id.unwrap()).await.is_none());
}

/// An image that only the registry has, built by somebody else: its name by tag, and by digest as an artifact.
async fn of_a_stranger(world: &World, registry: &Registry, seed: u8) -> (String, String) {
    let Some(other) = World::new().await else { panic!() };
    other.write("Dockerfile", "FROM scratch\nCOPY data /\n");
    other.write("data", [&[seed; BYTES][..], world.state_id.as_bytes()].concat());
    let source = other.source(ImageFrom::Build(build()), Some(&registry.repository()));
    let made = other.make(&other.images, &source, &Configuration::default()).await.unwrap();
    let tags = other.inspect(&made.digest).await.unwrap().repo_tags.unwrap();
    let tag = tags.iter().find(|tag| tag.starts_with(&registry.repository())).unwrap().clone();
    other.images.remove_unneeded(&[]).await.unwrap();
    assert!(other.inspect(&made.digest).await.is_none());
    (tag, made.digest)
}

async fn take(world: &World, name: &str) {
    let source = world.source(ImageFrom::Named(name.to_owned()), None);
    world.make(&world.images, &source, &Configuration::default()).await.unwrap();
}

/// As somebody does it who types `docker pull`.
async fn pull_by_hand(name: &str) {
    let options = CreateImageOptions { from_image: Some(name.to_owned()), ..Default::default() };
    let mut lines = docker().create_image(Some(options), None, None);
    while let Some(line) = lines.next().await {
        line.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_pulled_goes_and_what_was_there_stays() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    let mut images = Vec::new();
    for seed in 0..5 {
        images.push(of_a_stranger(&world, &registry, seed).await);
    }
    let [(first, gone), (second, kept), (third, there), (fourth, named), (fifth, twin)] = &images[..] else {
        panic!()
    };
    // Somebody has it by the digest, which is all that a name of theirs leaves when they let go of it.
    pull_by_hand(there.trim_start_matches("image:")).await;
    // Somebody has the same image under another name.
    pull_by_hand(fifth).await;
    let twins_name = format!("bascule-test-{}", world.state_id);
    name(&world.inspect(twin).await.unwrap().id.unwrap(), &twins_name).await;
    docker().remove_image(fifth, None::<RemoveImageOptions>, None).await.unwrap();
    assert!(world.inspect(twin).await.is_none(), "it is there, and not by this name");
    for name in [first, second, third, fourth, fifth] {
        take(&world, name).await;
    }
    // And somebody took to what we had pulled.
    let own_name = format!("bascule-test-own-{}", world.state_id);
    name(&world.inspect(named).await.unwrap().id.unwrap(), &own_name).await;
    let by_digest = [there, twin].map(|digest| digest.trim_start_matches("image:"));
    for name in [by_digest[0], by_digest[1], &format!("{own_name}:1"), &format!("{twins_name}:1")] {
        world.note_other(name);
    }

    let keep = [kept.clone()];
    let listed = world.images.unneeded(&keep).await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].what, format!("image {}", gone.trim_start_matches("image:")));
    assert!(listed[0].bytes >= BYTES as u64, "{listed:?}");
    assert!(world.inspect(gone).await.is_some(), "to list is not to remove");
    assert_eq!(world.images.remove_unneeded(&keep).await.unwrap(), listed);
    assert!(world.inspect(gone).await.is_none());
    for stays in [kept, there, named, twin] {
        assert!(world.inspect(stays).await.is_some(), "{stays}");
    }
    // Once nobody else has a name for it, it is ours again.
    docker().remove_image(&format!("{own_name}:1"), None::<RemoveImageOptions>, None).await.unwrap();
    let removed = world.images.remove_unneeded(&[]).await.unwrap();
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(world.inspect(kept).await.is_none() && world.inspect(named).await.is_none());
    assert!(world.inspect(there).await.is_some() && world.inspect(twin).await.is_some());
    // What was fetched again is ours again, and what somebody else fetched since is not.
    take(&world, first).await;
    docker().remove_image(gone.trim_start_matches("image:"), None::<RemoveImageOptions>, None).await.unwrap();
    assert!(world.images.unneeded(&[]).await.unwrap().is_empty());
    pull_by_hand(gone.trim_start_matches("image:")).await;
    world.note_other(gone.trim_start_matches("image:"));
    assert!(world.images.unneeded(&[]).await.unwrap().is_empty());
}
