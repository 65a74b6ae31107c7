//! Images that are taken by their name.

use std::fs;

use bascule_engine::ports::{Artifacts, Presence};
use bascule_model::plan::ArtifactPlan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Configuration, ImageFrom};
use bascule_target_docker::Builder;
use bollard::query_parameters::TagImageOptions;

use crate::registry_server::{Door, Registry};
use crate::support::*;

async fn plan(world: &World, name: &str) -> Result<String, Problem> {
    let source = world.source(ImageFrom::Named(name.to_owned()), None);
    match world.images.survey(&source, &Configuration::default()).await.map_err(problem)? {
        ArtifactPlan::Image { reference, digest } => {
            assert_eq!(reference, name);
            Ok(digest)
        }
        other => panic!("{other:?}"),
    }
}

async fn tag(id: &str, repository: &str, tag: &str) {
    let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
    docker().tag_image(id.trim_start_matches("image:"), Some(options)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_made_here_is_taken_by_its_id() {
    let Some(world) = World::new().await else { return };
    world.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    let built = world.build(Builder::Best).await.unwrap();
    let name = format!("bascule-test-{}", world.state_id);
    tag(&built.digest, &name, "1").await;
    world.note_other(&format!("{name}:1"));
    assert_eq!(plan(&world, &format!("{name}:1")).await.unwrap(), built.digest);
    let source = world.source(ImageFrom::Named(format!("{name}:1")), None);
    let made = world.make(&world.images, &source, &Configuration::default()).await.unwrap();
    assert_eq!(made.digest, built.digest);
    assert!(made.says.unwrap().contains("made on this machine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_registry_is_taken_by_the_digest_that_it_has_there() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    let (repository, values) = (registry.repository(), Configuration::default());
    world.write("Dockerfile", "FROM scratch\nCOPY a /\n");
    let push = async |text: &str| {
        world.write("a", text);
        let source = world.source(ImageFrom::Build(build()), Some(&repository));
        let made = world.make(&world.images, &source, &values).await.unwrap();
        let tags = world.inspect(&made.digest).await.unwrap().repo_tags.unwrap();
        (made.digest, tags.into_iter().find(|tag| tag.starts_with(&repository)).unwrap())
    };
    let (first, name) = push("one").await;
    world.images.remove_unneeded(&[]).await.unwrap();
    assert_eq!(plan(&world, &name).await.unwrap(), first);
    assert!(world.inspect(&first).await.is_none(), "a plan fetches nothing");
    let source = world.source(ImageFrom::Named(name.clone()), None);
    let made = world.make(&world.images, &source, &values).await.unwrap();
    assert_eq!(made.digest, first);
    assert!(made.says.unwrap().starts_with("pulled "));
    assert!(world.log().contains("pull "), "{}", world.log());
    assert_eq!(world.images.verify(&first, &values).await.unwrap(), Presence::Whole);
    let by_digest = first.trim_start_matches("image:");
    assert_eq!(plan(&world, by_digest).await.unwrap(), first);

    // The registry is away: what is here has the digest that it came with.
    let (repository_of_name, tag_of_name) = name.rsplit_once(':').unwrap();
    tag(by_digest, repository_of_name, tag_of_name).await;
    drop(registry);
    assert_eq!(plan(&world, &name).await.unwrap(), first);
    let made = world.make(&world.images, &source, &values).await.unwrap();
    assert_eq!(made.digest, first);
    let says = made.says.unwrap();
    assert!(says.contains("does not answer") && says.contains("as this machine has it"), "{says}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_nowhere() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    let name = format!("{}:9", registry.repository());
    let missing = plan(&world, &name).await.unwrap_err();
    assert_eq!(missing.code, Code::ImageUnavailable, "{missing}");
    assert!(missing.message.contains(&name) && missing.remedy.contains("docker pull"), "{missing:?}");
    drop(registry);
    let away = plan(&world, &name).await.unwrap_err();
    assert_eq!(away.code, Code::RegistryRefused, "{away}");
    assert!(!fs::exists(world.log_path()).unwrap());
}
