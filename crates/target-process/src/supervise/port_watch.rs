//! Whether an instance listens on its port itself.
//!
//! A port is free when it is chosen, and another program may take it before the instance does. Such an instance may end, or
//! live on without being heard while a stranger answers for it: the latter is looked for here until a listener is seen.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::shared::Shared;
use crate::slot::Instance;
use crate::sys::listeners::{self, Listener};
use crate::sys::members;

const FIRST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// An instance that listens on nothing yet is looked after for this long at least.
const SHORTEST_WATCH: Duration = Duration::from_secs(60);

/// What is known of the sockets of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Where its own processes listen.
    pub(crate) own: Vec<SocketAddr>,
    /// Whether connections to its port get to a socket that is not its own.
    pub(crate) port_is_anothers: bool,
    /// Whether connections to its port get to itself.
    pub(crate) port_is_own: bool,
}

/// Looks. None when not all may be seen: then nothing is claimed. Blocks.
fn look(shared: &Shared, instance: &Instance, listening: &[Listener]) -> Option<Seen> {
    let port = instance.record().port?;
    let leader = instance.process()?.identity.pid;
    let mut sockets = listeners::sockets(leader)?;
    let at_port: Vec<&Listener> =
        listening.iter().filter(|listener| reaches(listener.address, port)).collect();
    let own_by = |sockets: &HashSet<u64>| at_port.iter().any(|listener| sockets.contains(&listener.inode));
    if !own_by(&sockets) {
        // Its children may listen for it.
        let members = members::find(&[instance.wanted(shared).ok()?]).pop()?;
        for member in members {
            sockets.extend(listeners::sockets(member.identity.pid)?);
        }
    }
    let port_is_own = own_by(&sockets);
    let own = listening.iter().filter(|listener| sockets.contains(&listener.inode));
    Some(Seen {
        own: own.map(|listener| listener.address).collect(),
        port_is_anothers: !at_port.is_empty() && !port_is_own,
        port_is_own,
    })
}

/// Looks whether the port is taken. Nothing while nobody listens on it: whose processes they are need not be asked then, and asking
/// that of many instances that start together would take the time in which they start. Blocks.
fn look_at_port(shared: &Shared, instance: &Instance) -> Option<Seen> {
    let port = instance.record().port?;
    let listening = listeners::all();
    let is_used = listening.iter().any(|listener| reaches(listener.address, port));
    is_used.then(|| look(shared, instance, &listening))?
}

/// Whether a connection to 127.0.0.1 and this port comes to a socket bound there.
fn reaches(bound: SocketAddr, port: u16) -> bool {
    let host = match bound.ip() {
        IpAddr::V4(host) => host == Ipv4Addr::LOCALHOST || host.is_unspecified(),
        IpAddr::V6(host) => host.is_unspecified() || host.to_ipv4_mapped() == Some(Ipv4Addr::LOCALHOST),
    };
    host && bound.port() == port
}

/// Ends when another program is seen to listen on the instance's port; never, when that does not happen.
pub(crate) async fn taken_by_another(shared: &std::sync::Arc<Shared>, instance: &std::sync::Arc<Instance>) {
    let watch = instance.service.health.start_period.max(SHORTEST_WATCH);
    let (mut pause, mut waited) = (FIRST_LOOK, Duration::ZERO);
    while instance.service.traffic.is_some() && waited < watch {
        shared.clock.sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let (shared, instance) = (shared.clone(), instance.clone());
        match tokio::task::spawn_blocking(move || look_at_port(&shared, &instance)).await {
            Ok(Some(seen)) if seen.port_is_anothers => return,
            Ok(Some(seen)) if seen.port_is_own => break,
            _ => {}
        }
    }
    std::future::pending::<()>().await;
}

/// Why an instance cannot be reached on its port, as one sentence; none when it can, or nothing is known.
pub(crate) fn explain(shared: &Shared, instance: &Instance) -> Option<String> {
    let port = instance.record().port?;
    let seen = look(shared, instance, &listeners::all())?;
    if seen.port_is_own {
        return None;
    }
    if seen.port_is_anothers {
        return Some(format!("another program listens on its port {port}"));
    }
    let same_port = seen.own.iter().find(|address| address.port() == port);
    if let Some(address) = same_port {
        return Some(format!(
            "it listens on {address}, where connections to 127.0.0.1:{port} do not get to: let it listen on 127.0.0.1"
        ));
    }
    let mut others: Vec<String> = seen.own.iter().map(|address| address.port().to_string()).collect();
    others.sort();
    others.dedup();
    if others.is_empty() {
        return Some("it runs and listens on no port yet".to_owned());
    }
    Some(format!(
        "it listens on {}, not on $PORT ({port}): let it take its port from the PORT variable or from \"$PORT\" in its command",
        others.join(" and ")
    ))
}
