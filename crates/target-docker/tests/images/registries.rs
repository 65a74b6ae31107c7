//! Registries: pushing, fetching by digest, logins, and what goes wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use bascule_engine::ports::{Artifacts, Made, Presence};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Configuration, Credentials, ImageFrom};
use bascule_target_docker::Builder;
use bollard::query_parameters::RemoveImageOptions;

use crate::registry_server::{Cuts, Door, PASSWORD, Registry, USER, always, free_port};
use crate::support::*;

async fn push(world: &World, repository: &str, values: &Configuration) -> Result<Made, Problem> {
    world.write("Dockerfile", "FROM scratch\nCOPY layer /\n");
    if !world.project().join("layer").exists() {
        world.write("layer", random_bytes());
    }
    let source = world.source(ImageFrom::Build(build()), Some(repository));
    world.make(&world.images, &source, values).await
}

/// Nothing that could be made smaller, and nothing that another test sends too.
fn random_bytes() -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Removes every name and the image from the engine, so that only the registry has it.
async fn forget(world: &World) {
    world.images.remove_unneeded(&[]).await.unwrap();
    assert!(world.images.list_unneeded(&[]).await.unwrap().is_empty());
}

fn login(password: &str) -> Configuration {
    let registry = Some(Credentials { username: USER.to_owned(), password: password.to_owned() });
    Configuration { registry, ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_and_fetched_by_digest() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    let (repository, values) = (registry.repository(), Configuration::default());
    let made = push(&world, &repository, &values).await.unwrap();
    assert!(made.digest.starts_with(&format!("image:{repository}@sha256:")), "{}", made.digest);
    assert!(made.says.unwrap().starts_with(&format!("pushed to {repository}:")));
    assert!(world.log().contains("Pushed"), "{}", world.log());
    let again = push(&world, &repository, &values).await.unwrap();
    assert_eq!(again.digest, made.digest);
    let says = again.says.unwrap();
    assert!(says.contains("nothing has changed") && says.contains("; pushed to "), "{says}");
    assert!(world.log().contains("Layer already exists"), "{}", world.log());

    let verify = async || world.images.verify(&made.digest, &values).await;
    assert_eq!(verify().await.unwrap(), Presence::Whole);
    forget(&world).await;
    assert_eq!(verify().await.unwrap(), Presence::Whole, "it was fetched");
    assert!(world.inspect(&made.digest).await.is_some());
    let unknown = format!("image:{repository}@sha256:{}", "12".repeat(32));
    assert_eq!(world.images.verify(&unknown, &values).await.unwrap(), Presence::Missing);

    // What is here needs no registry.
    let port = registry.port;
    drop(registry);
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert_eq!(verify().await.unwrap(), Presence::Whole);
    forget(&world).await;
    let away = problem(verify().await.unwrap_err());
    assert_eq!(away.code, Code::RegistryRefused, "{away}");
    assert!(away.message.contains(&format!("127.0.0.1:{port}")), "{away}");
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_that_are_not_what_the_digest_says() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    let values = Configuration::default();
    // BuildKit keeps the layer for its next build, and would not fetch it.
    world.write("Dockerfile", "FROM scratch\nCOPY layer /\n");
    world.write("layer", random_bytes());
    let source = world.source(ImageFrom::Build(build()), Some(&registry.repository()));
    let classic = world.images.clone().with_builder(Builder::Classic);
    let made = world.make(&classic, &source, &values).await.unwrap();
    forget(&world).await;
    let largest = registry.blobs().into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, bytes).unwrap();
    match world.images.verify(&made.digest, &values).await {
        Ok(Presence::Changed(words)) => assert!(!words.is_empty()),
        other => panic!("{other:?}\n{}", world.log()),
    }
    assert!(world.inspect(&made.digest).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_to_know_who_asks() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Password).await) else {
        return;
    };
    let repository = registry.repository();
    for values in [Configuration::default(), login("wrong-password")] {
        let refused = push(&world, &repository, &values).await.unwrap_err();
        assert_eq!(refused.code, Code::RegistryRefused, "{refused}");
        assert!(refused.remedy.contains("docker login"), "{refused:?}");
        assert!(!refused.message.contains("wrong-password") && !world.log().contains("wrong-password"));
    }
    let made = push(&world, &repository, &login(PASSWORD)).await.unwrap();
    forget(&world).await;
    assert!(world.images.verify(&made.digest, &Configuration::default()).await.is_err());
    assert_eq!(world.images.verify(&made.digest, &login(PASSWORD)).await.unwrap(), Presence::Whole);
    forget(&world).await;

    // Docker's configuration.
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let host = format!("127.0.0.1:{}", registry.port);
    let file = world.folder.path().join("home/.docker/config.json");
    let configure = |json: serde_json::Value| fs::write(&file, json.to_string()).unwrap();
    configure(serde_json::json!({ "auths": { &host: { "auth": auth } } }));
    let verify = async || world.images.verify(&made.digest, &Configuration::default()).await;
    assert_eq!(verify().await.unwrap(), Presence::Whole);
    forget(&world).await;

    // A helper, which is found by its name in PATH: so it is put where the system's programs are.
    let name = format!("bascule-test-{}", world.state_id);
    let program = std::path::PathBuf::from(format!("/usr/local/bin/docker-credential-{name}"));
    let seen = world.folder.path().join("asked");
    let write_helper = |text: &str| {
        let is_written = fs::write(&program, text).is_ok();
        if is_written {
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            eprintln!("not tested: a credential helper, {} cannot be written", program.display());
        }
        is_written
    };
    let answer = serde_json::json!({ "ServerURL": host, "Username": USER, "Secret": PASSWORD });
    if !write_helper(&format!("#!/bin/sh\necho \"$1 $(cat)\" >> {}\necho '{answer}'\n", seen.display())) {
        return;
    }
    let _helper = RemovedFile(program.clone());
    for json in
        [serde_json::json!({ "credHelpers": { &host: name } }), serde_json::json!({ "credsStore": name })]
    {
        configure(json);
        assert_eq!(verify().await.unwrap(), Presence::Whole);
        forget(&world).await;
    }
    assert_eq!(fs::read_to_string(&seen).unwrap(), format!("get {host}\nget {host}\n"));
    assert!(write_helper(&format!("#!/bin/sh\necho '{PASSWORD}'; exit 1\n")));
    let failed = problem(verify().await.unwrap_err());
    assert_eq!(failed.code, Code::RegistryRefused);
    assert!(failed.message.contains(&name) && !failed.message.contains(PASSWORD), "{failed}");
    assert!(write_helper("#!/bin/sh\necho 'credentials not found in native keychain'; exit 1\n"));
    assert!(problem(verify().await.unwrap_err()).remedy.contains("docker login"));
}

struct RemovedFile(std::path::PathBuf);

impl Drop for RemovedFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_says_no_or_is_away() {
    let Some(world) = World::new().await else { return };
    let forbidden = always("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let broken =
        always("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for (port, says) in
        [(forbidden, "refused"), (broken, "does not answer"), (free_port(), "does not answer")]
    {
        let failed =
            push(&world, &format!("127.0.0.1:{port}/shop"), &Configuration::default()).await.unwrap_err();
        assert_eq!(failed.code, Code::RegistryRefused, "{failed}");
        assert!(failed.message.contains(says) && failed.message.contains(&port.to_string()), "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_broke_goes_on() {
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Open).await) else {
        return;
    };
    let cuts = Cuts::before(registry.port, 3, 1);
    let repository = format!("127.0.0.1:{}/team/shop", cuts.port);
    let made = push(&world, &repository, &Configuration::default()).await.unwrap();
    assert_eq!(cuts.refused.load(Ordering::SeqCst), 0);
    assert_eq!(cuts.cut.load(Ordering::SeqCst), 0, "an upload was cut");
    assert!(world.log().contains("once more in"), "{}", world.log());
    forget(&world).await;
    let presence = world.images.verify(&made.digest, &Configuration::default()).await.unwrap();
    assert_eq!(presence, Presence::Whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_from_a_registry_that_wants_a_login() {
    // Both builders ask for the base's login in their own way.
    let (Some(world), Some(registry)) = (World::new().await, Registry::start(Door::Password).await) else {
        return;
    };
    let repository = registry.repository();
    let made = push(&world, &repository, &login(PASSWORD)).await.unwrap();
    let tags = world.inspect(&made.digest).await.unwrap().repo_tags.unwrap();
    let base = tags.iter().find(|tag| tag.starts_with(&repository)).unwrap().clone();
    forget(&world).await;
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let json = serde_json::json!({ "auths": { format!("127.0.0.1:{}", registry.port): { "auth": auth } } });
    fs::write(world.folder.path().join("home/.docker/config.json"), json.to_string()).unwrap();
    for builder in BUILDERS {
        world.write("Dockerfile", format!("FROM {base}\nCOPY more /\n"));
        world.write("more", format!("{builder:?}"));
        let made = world.build(builder).await.unwrap();
        let files = world.files(&made.digest).await;
        assert!(files.contains_key("layer") && files.contains_key("more"), "{files:?}");
        let options = RemoveImageOptions { force: true, ..Default::default() };
        let _ = docker().remove_image(&base, Some(options), None).await;
    }
}
