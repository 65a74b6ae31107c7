//! The sockets that processes hold, beside the tables of [`bascule_instances::listeners`].

use std::collections::HashSet;
use std::fs;

pub(crate) use bascule_instances::listeners::{Listener, all};

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
