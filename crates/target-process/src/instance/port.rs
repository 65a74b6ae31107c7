//! Ports of instances on 127.0.0.1: apart from those that the kernel lends out, kept while free, never given to two instances of ours at once.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::{Range, RangeInclusive};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

/// Above what is well known, below the node ports of Kubernetes and below what the kernel lends out on most machines.
const OURS: Range<u16> = 15_000..30_000;
/// Where the kernel says which ports it lends to connections and to whoever names none: the first and the last.
const LENT: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Ports that instances of this target have.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    given: Mutex<HashSet<u16>>,
}

impl Ports {
    /// Gives a port that nobody listens on and that no other instance has.
    ///
    /// Where there is one, it is none that the kernel lends out: any program's connection may get such a port in the moment in which
    /// an instance is started again, and the instance would have to move.
    pub(crate) fn choose(&self) -> io::Result<u16> {
        let lent = fs::read_to_string(LENT).ok().and_then(|text| lent(&text));
        let mut chance = [0; 2];
        getrandom::fill(&mut chance).map_err(io::Error::from)?;
        for port in apart(u16::from_ne_bytes(chance), lent.as_ref()) {
            if is_free(port) && self.take(port) {
                return Ok(port);
            }
        }
        self.borrow()
    }

    /// Gives a port that the kernel lends out.
    fn borrow(&self) -> io::Result<u16> {
        // Held until one fits: the kernel may offer a freed port again.
        let mut refused = Vec::new();
        loop {
            let bound = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            let port = bound.local_addr()?.port();
            if self.take(port) {
                return Ok(port);
            }
            refused.push(bound);
        }
    }

    /// Whether the port was nobody's and is given now.
    fn take(&self, port: u16) -> bool {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(port)
    }

    /// Notes that an instance has this port from before.
    pub(crate) fn keep(&self, port: u16) {
        self.take(port);
    }

    /// Takes a port back.
    pub(crate) fn release(&self, port: u16) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).remove(&port);
    }
}

/// All ports of ours that are not lent out, from one that chance names: two control planes seldom ask for the same at once.
fn apart(chance: u16, lent: Option<&RangeInclusive<u16>>) -> impl Iterator<Item = u16> {
    let first = OURS.start + chance % (OURS.end - OURS.start);
    (first..OURS.end)
        .chain(OURS.start..first)
        .filter(move |port| !lent.is_some_and(|lent| lent.contains(port)))
}

/// Reads what the kernel says of the ports that it lends.
fn lent(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_whitespace().map(str::parse);
    Some(words.next()?.ok()?..=words.next()?.ok()?)
}

/// Whether an instance could listen on the port now. Not to be asked while one is about to: the question itself binds.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports = Ports::default();
        let given: HashSet<u16> = (0..200).map(|_| ports.choose().unwrap()).collect();
        assert_eq!(given.len(), 200);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
    }

    #[test]
    fn what_the_kernel_lends_out_is_left_to_it() {
        let usual = lent("32768\t60999\n").unwrap();
        assert_eq!(usual, 32_768..=60_999);
        assert_eq!(apart(7, Some(&usual)).count(), OURS.len());
        let wide = lent("1024 29990").unwrap();
        assert_eq!(apart(0, Some(&wide)).collect::<Vec<_>>(), (29_991..30_000).collect::<Vec<_>>());
        assert_eq!(apart(65_535, None).collect::<HashSet<_>>().len(), OURS.len());
        assert_eq!(lent("none"), None);
    }

    #[test]
    fn where_all_are_lent_out_one_is_borrowed() {
        assert_eq!(apart(0, lent("1024 65535").as_ref()).count(), 0);
        assert!(Ports::default().borrow().is_ok());
    }
}
