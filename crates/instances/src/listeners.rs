//! Who listens on which TCP port: the tables `/proc/net/tcp` and `/proc/net/tcp6`, and those of another network namespace
//! (`/proc/<pid>/net/…`).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Where it is bound.
    pub address: SocketAddr,
    /// Its number; `/proc/<pid>/fd` has it of who holds it.
    pub inode: u64,
}

/// Every listening TCP socket of this network namespace.
#[must_use]
pub fn all() -> Vec<Listener> {
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(read).flatten().collect()
}

/// Every listening TCP socket of the network namespace of a process; none when it may not be seen.
#[must_use]
pub fn beside(pid: u32) -> Option<Vec<Listener>> {
    let mut found = read(&format!("/proc/{pid}/net/tcp"))?;
    // A machine without IPv6 has one table less.
    found.extend(read(&format!("/proc/{pid}/net/tcp6")).unwrap_or_default());
    Some(found)
}

fn read(path: &str) -> Option<Vec<Listener>> {
    let table = File::open(path).ok()?;
    // The kernel lists the listening sockets first: the connections behind them, maybe many thousands, are not read.
    let lines = BufReader::new(table).lines().map_while(Result::ok).skip(1);
    Some(lines.map_while(|line| parse(&line)).collect())
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
