//! A build while others work with the same engine.

use std::sync::atomic::{AtomicBool, Ordering};

use bascule_target_docker::Builder;
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions};
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use crate::support::*;

/// An archive without a file in it.
const NOTHING: &[u8] = &[0; 1024];
/// Of ten builds beside such removals, the engine's classic builder ends one or two by itself.
const BUILDS: usize = 30;

/// Makes and removes images until told to stop.
async fn come_and_go(name: &str, stop: &AtomicBool) {
    let docker = docker();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let mut made = Vec::new();
        for number in 0..8 {
            let options = CreateImageOptions {
                from_src: Some("-".to_owned()),
                changes: vec![format!("LABEL {name}={round}-{number}")],
                ..Default::default()
            };
            let body = bollard::body_full(Bytes::from_static(NOTHING));
            let said: Vec<_> =
                docker.create_image(Some(options), Some(body), None).try_collect().await.unwrap();
            made.push(said.last().unwrap().status.clone().unwrap());
        }
        for id in &made {
            docker.remove_image(id, None::<RemoveImageOptions>, None).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_others_are_removed() {
    let Some(world) = World::new().await else { return };
    world.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    let stop = AtomicBool::new(false);
    let build = async {
        let mut failed = Vec::new();
        for number in 0..BUILDS {
            world.write("number", number.to_string());
            let made = world.build(Builder::Classic).await;
            failed.extend(made.err().map(|problem| problem.message));
        }
        stop.store(true, Ordering::Relaxed);
        failed
    };
    let names = [0, 1].map(|number| format!("{}-{number}", world.state_id));
    let (failed, (), ()) = tokio::join!(build, come_and_go(&names[0], &stop), come_and_go(&names[1], &stop));
    assert!(failed.is_empty(), "{failed:#?}");
}
