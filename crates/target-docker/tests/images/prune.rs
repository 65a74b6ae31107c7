//! Clean-up: what nobody keeps goes, with every name that we gave it; nothing else is touched.

use bascule_engine::ports::Artifacts;
use bascule_model::release::{Configuration, ImageFrom};
use bascule_target_docker::Builder;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{RemoveContainerOptions, TagImageOptions};

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
