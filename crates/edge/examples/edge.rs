//! An edge by hand, for measuring: `edge STATE WORKERS LISTEN UPSTREAM…` proxies LISTEN to the upstreams until it is ended.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use bascule_edge::{EdgeOptions, InstanceRoute, ServiceRoute, SlotRoute, wait_ready};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, Slot};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("usage: edge STATE WORKERS LISTEN UPSTREAM…");
    let mut options = EdgeOptions::new(next()?, "by-hand");
    options.workers = next()?.parse()?;
    let listen: SocketAddr = next()?.parse()?;
    let upstreams = arguments.map(|address| address.parse()).collect::<Result<Vec<SocketAddr>, _>>()?;
    let state_dir = options.state_dir.clone();
    let edge = std::thread::spawn(move || bascule_edge::run(options));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = wait_ready(&state_dir, Duration::from_secs(5)).await?;
        client.give_listener(listen, TcpListener::bind(listen)?.into()).await?;
        let key: EnvironmentKey = "bench/local".parse()?;
        let release = ReleaseId::from_text("r1-000000");
        let instances = upstreams.iter().enumerate().map(|(n, address)| InstanceRoute {
            id: InstanceId::from_text(format!("i{n}")),
            address: *address,
        });
        let service = ServiceRoute {
            hosts: Vec::new(),
            service: "web".parse()?,
            path: "/".to_owned(),
            health_path: None,
            instances: instances.collect(),
        };
        let route = SlotRoute {
            key: key.clone(),
            slot: Slot::Blue,
            release: release.clone(),
            listen,
            hosts: Vec::new(),
            services: vec![service],
        };
        client.put_slot(Generation(1), route).await?;
        let live = client.state().await?.environment(&key).and_then(|environment| environment.live.clone());
        let expect = live.map(|(_, release)| release);
        client.switch(Generation(1), &key, expect.as_ref(), Some((Slot::Blue, &release))).await?;
        anyhow::Ok(())
    })?;
    match edge.join() {
        Ok(outcome) => Ok(outcome?),
        Err(_) => anyhow::bail!("the edge panicked"),
    }
}
