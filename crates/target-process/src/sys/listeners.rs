//! Who listens on which TCP port: `/proc/net/tcp` and `/proc/net/tcp6`, and the sockets that processes hold.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) inode: u64,
}

/// Every listening TCP socket of this network namespace.
pub(crate) fn all() -> Vec<Listener> {
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().flat_map(read).collect()
}

fn read(path: &str) -> Vec<Listener> {
    let Ok(table) = File::open(path) else { return Vec::new() };
    // The kernel lists the listening sockets first: the connections behind them, maybe many thousands, are not read.
    let lines = BufReader::new(table).lines().map_while(Result::ok).skip(1);
    lines.map_while(|line| parse(&line)).collect()
}

const LISTEN: &str = "0A";

fn parse(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != LISTEN {
        return None;
    }
    let (host, port) = fields.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(Listener {
        address: SocketAddr::new(host_address(host)?, port),
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The kernel prints addresses as 32-bit words in the machine's byte order.
fn host_address(digits: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for at in (0..digits.len()).step_by(8) {
        let word = u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes.as_slice()).ok()?;
    Some(Ipv6Addr::from(sixteen).into())
}

/// The sockets that a process holds, by inode; none when that may not be seen.
pub(crate) fn sockets(pid: i32) -> Option<HashSet<u64>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    Some(links.filter_map(|link| socket_inode(link.to_str()?)).collect())
}

fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn listeners_are_seen_with_their_address_and_owner() {
        let mut bound = vec![TcpListener::bind("127.0.0.1:0").unwrap()];
        // A machine without IPv6 has one address family less to show.
        bound.extend(TcpListener::bind("[::1]:0"));
        let own = i32::try_from(std::process::id()).unwrap();
        let held = sockets(own).unwrap();
        for listener in &bound {
            let address = listener.local_addr().unwrap();
            let found = all().into_iter().find(|found| found.address == address).unwrap();
            assert!(held.contains(&found.inode));
        }
        let gone = bound[0].local_addr().unwrap();
        drop(bound);
        assert!(all().iter().all(|found| found.address != gone));
    }
}
