//! An engine that is away, too old, or goes away in the middle.

use std::sync::Arc;

use bascule_engine::ports::Artifacts;
use bascule_model::problem::Code;
use bascule_model::release::{Configuration, ImageFrom};
use bascule_target_docker::{Connection, DockerImages, DockerImagesOptions, Network};
use tokio::net::{UnixListener, UnixStream};

use crate::support::*;

fn images(world: &World, socket: &std::path::Path) -> DockerImages {
    DockerImages::open(DockerImagesOptions {
        connection: Arc::new(Connection::new(socket)),
        state_id: world.state_id.clone(),
        state_dir: world.folder.path().join("state"),
        home: None,
        docker_config: None,
    })
    .with_network(Network::None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_whose_connection_breaks_is_begun_again() {
    let Some(world) = World::new().await else { return };
    world.busybox();
    world.write(
        "Dockerfile",
        format!("{BASE}RUN echo built-now; /bin/busybox sleep 2; : {}\n", world.state_id),
    );
    // A door to the engine that can be shut.
    let door = world.folder.path().join("door");
    let open = |door: &std::path::Path| {
        let listener = UnixListener::bind(door).unwrap();
        tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut engine = UnixStream::connect(socket()).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                });
            }
        })
    };
    let first = open(&door);
    let images = images(&world, &door);
    let source = world.source(ImageFrom::Build(build()), None);
    let values = Configuration::default();
    let building = world.make(&images, &source, &values);
    let breaking = async {
        world.until_logged("built-now\n").await;
        first.abort();
        let _ = first.await;
        std::fs::remove_file(&door).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        (open(&door),)
    };
    let (made, (second,)) = tokio::join!(building, breaking);
    let made = made.unwrap();
    second.abort();
    assert!(world.inspect(&made.digest).await.is_some());
    assert!(world.log().contains("it is waited for"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_nobody_waits_for_ends() {
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        world.busybox();
        // A length that no other process of the machine sleeps for.
        let seconds = 100_000 + u32::from_str_radix(&world.state_id[..6], 16).unwrap();
        world.write("Dockerfile", format!("{BASE}RUN echo built-now; /bin/busybox sleep {seconds}\n"));
        {
            let building = world.build(builder);
            let begun = world.until_logged("built-now\n");
            tokio::select! {
                made = building => panic!("{made:?}"),
                () = begun => {}
            }
        }
        let program = format!("sleep\0{seconds}\0");
        for _ in 0..500 {
            if !runs(&program) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(!runs(&program), "{builder:?}");
    }
}

/// Whether a process of the machine was started with these arguments.
fn runs(arguments: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        std::fs::read(process.path().join("cmdline")).is_ok_and(|line| line.ends_with(arguments.as_bytes()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_engine() {
    let Some(world) = World::new().await else { return };
    let images = images(&world, &world.folder.path().join("nobody"));
    let source = world.source(ImageFrom::Named("shop:1".to_owned()), None);
    let asked = tokio::time::timeout(std::time::Duration::from_secs(90), async {
        images.survey(&source, &Configuration::default()).await
    });
    let away = problem(asked.await.unwrap().unwrap_err());
    assert_eq!(away.code, Code::ContainerEngineUnavailable, "{away}");
}
