//! Why a container that runs is not heard on its port: where its processes listen, as the kernel says of its network namespace.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bascule_instances::listeners;

/// The engine's own name server in each container.
const NAME_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// One sentence; none when it listens where it should, or it cannot be seen. Blocks.
pub(crate) fn explain(pid: u32, port: u16) -> Option<String> {
    let found = listeners::beside(pid)?;
    tell(&found.into_iter().map(|listener| listener.address).collect::<Vec<_>>(), port)
}

fn tell(listening: &[SocketAddr], port: u16) -> Option<String> {
    let own: Vec<&SocketAddr> = listening.iter().filter(|address| address.ip() != NAME_SERVER).collect();
    let at_port: Vec<&&SocketAddr> = own.iter().filter(|address| address.port() == port).collect();
    if at_port.iter().any(|address| !address.ip().is_loopback()) {
        return None;
    }
    if let Some(address) = at_port.first() {
        return Some(format!(
            "it listens on {address}, which only the container itself can reach: let it listen on 0.0.0.0"
        ));
    }
    let mut others: Vec<u16> = own.iter().map(|address| address.port()).collect();
    others.sort_unstable();
    others.dedup();
    if others.is_empty() {
        return Some("it runs and listens on no port yet".to_owned());
    }
    let others: Vec<String> = others.iter().map(u16::to_string).collect();
    Some(format!("it listens on {}, the manifest says {port}", others.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told() {
        let at = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let table = [
            (at(&["0.0.0.0:3000"]), None),
            (at(&["[::]:3000", "127.0.0.11:40123"]), None),
            (at(&["127.0.0.11:40123"]), Some("it runs and listens on no port yet")),
            (at(&["0.0.0.0:8080", "[::]:8080"]), Some("it listens on 8080, the manifest says 3000")),
            (
                at(&["127.0.0.1:3000"]),
                Some(
                    "it listens on 127.0.0.1:3000, which only the container itself can reach: let it listen on 0.0.0.0",
                ),
            ),
        ];
        for (listening, expected) in table {
            assert_eq!(tell(&listening, 3000).as_deref(), expected, "{listening:?}");
        }
    }
}
