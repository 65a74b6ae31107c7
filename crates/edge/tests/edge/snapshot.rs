//! What survives the process.

use std::fs;

use bascule_model::ids::{ReleaseId, Slot};

use crate::support::client::{get, text};
use crate::support::edge::Edge;
use crate::support::instance::Instance;

#[tokio::test]
async fn a_restarted_edge_serves_what_it_served() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (blue, green) = (Instance::start("blue").await, Instance::start("green").await);
    let (address, socket) = edge.listen().await;
    edge.put(address, Slot::Blue, "r1", &[blue.address]).await;
    edge.switch(Slot::Blue, "r1").await;
    edge.put(address, Slot::Green, "r2", &[green.address]).await;
    edge.switch(Slot::Green, "r2").await;
    let before = edge.client.state().await.unwrap().environments;
    edge.kill();

    let edge = Edge::start(folder.path(), "").await;
    edge.client.give_listener(address, socket).await.unwrap();
    assert_eq!(edge.client.state().await.unwrap().environments, before);
    assert_eq!(text(&get(address, "/").await), "green");
}

#[tokio::test]
async fn a_damaged_snapshot_falls_back_to_the_one_before_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let blue = Instance::start("blue").await;
    let address = edge.serve(&[blue.address]).await;
    edge.put(address, Slot::Green, "r2", &[blue.address]).await;
    edge.kill();
    let path = folder.path().join("edge.snapshot");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();

    let edge = Edge::start(folder.path(), "").await;
    let state = edge.client.state().await.unwrap();
    assert_eq!(state.snapshot_faults.len(), 1, "{state:?}");
    assert_eq!(edge.live().await, Some((Slot::Blue, ReleaseId::from_text("r1"))));
}

#[tokio::test]
async fn a_switch_that_cannot_be_written_down_does_not_happen() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (blue, green) = (Instance::start("blue").await, Instance::start("green").await);
    let address = edge.serve(&[blue.address]).await;
    edge.put(address, Slot::Green, "r2", &[green.address]).await;
    // A folder where the new snapshot would be written first.
    let aside = folder.path().join("edge.snapshot.new");
    fs::create_dir(&aside).unwrap();
    let (r1, r2) = (ReleaseId::from_text("r1"), ReleaseId::from_text("r2"));
    let key = crate::support::edge::key();
    let switch = edge.client.switch(edge.fence(), &key, Some(&r1), Some((Slot::Green, &r2)));
    let error = switch.await.unwrap_err();
    assert!(matches!(error.refusal(), Some(bascule_edge::Refusal::NotPersisted { .. })), "{error}");
    assert_eq!(text(&get(address, "/").await), "blue");
    fs::remove_dir(&aside).unwrap();
    edge.switch(Slot::Green, "r2").await;
    assert_eq!(text(&get(address, "/").await), "green");
}
