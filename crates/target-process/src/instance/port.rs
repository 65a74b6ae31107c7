//! Ports of instances: chosen by the kernel on 127.0.0.1, kept while free, never given to two instances of ours at once.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Ports that instances of this target have.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    given: Mutex<HashSet<u16>>,
}

impl Ports {
    /// Gives a port that nobody listens on and that no other instance has.
    pub(crate) fn choose(&self) -> io::Result<u16> {
        // Held until one fits: the kernel may offer a freed port again.
        let mut refused = Vec::new();
        loop {
            let bound = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            let port = bound.local_addr()?.port();
            if self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
                return Ok(port);
            }
            refused.push(bound);
        }
    }

    /// Notes that an instance has this port from before.
    pub(crate) fn keep(&self, port: u16) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
    }

    /// Takes a port back.
    pub(crate) fn release(&self, port: u16) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).remove(&port);
    }
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
}
