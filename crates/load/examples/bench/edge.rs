//! Bascule's edge as the bench runs it: one worker, two releases in its slots, blue live.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use bascule_edge::{EdgeClient, EdgeOptions, InstanceRoute, ServiceRoute, SlotRoute, wait_ready};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, Slot};

use crate::say;

/// The bench is the only one who holds the environment.
pub const FENCE: Generation = Generation(1);

pub fn run(state: &Path) -> Result<()> {
    let options = EdgeOptions { workers: 1, ..EdgeOptions::new(state, env!("CARGO_PKG_VERSION")) };
    Ok(bascule_edge::run(options)?)
}

pub async fn pid(state: &Path) -> Result<()> {
    say("", EdgeClient::connect(state).await?.pid())
}

pub fn key() -> Result<EnvironmentKey> {
    Ok("bench/local".parse()?)
}

pub fn release(slot: Slot) -> ReleaseId {
    ReleaseId::from_text(match slot {
        Slot::Blue => "r1-b10e00",
        Slot::Green => "r2-93ee00",
    })
}

pub async fn route(state: &Path, listen: SocketAddr, blue: SocketAddr, green: SocketAddr) -> Result<()> {
    let client = wait_ready(state, Duration::from_secs(10)).await?;
    client.give_listener(listen, TcpListener::bind(listen)?.into()).await?;
    let key = key()?;
    for (slot, address) in [(Slot::Blue, blue), (Slot::Green, green)] {
        let service = "web".parse()?;
        let id = InstanceId::new(&key, &release(slot), &service, 1);
        let instances = vec![InstanceRoute { id, address }];
        let service =
            ServiceRoute { service, hosts: Vec::new(), path: "/".to_owned(), health_path: None, instances };
        let (key, release) = (key.clone(), release(slot));
        let services = vec![service];
        client.put_slot(FENCE, SlotRoute { key, slot, release, listen, hosts: Vec::new(), services }).await?;
    }
    client.switch(FENCE, &key, None, Some((Slot::Blue, &release(Slot::Blue)))).await?;
    Ok(())
}
