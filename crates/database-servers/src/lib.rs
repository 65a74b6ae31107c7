//! Real database servers in temporary folders, for tests: PostgreSQL, MariaDB, PgBouncer, Prometheus.
//!
//! A server ends, and its folder goes, when the value is dropped and also when the process is killed. What was
//! committed outlives a kill of the server, but not one of the machine: files are not synced. Whoever reaches a
//! server's socket is let in.

mod keeper;
mod mariadb;
mod pgbouncer;
mod postgres;
mod prometheus;
mod template;

pub use mariadb::MariaDb;
pub use pgbouncer::{PgBouncer, Pooling};
pub use postgres::Postgres;
pub use prometheus::{Exporter, Prometheus};

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::net::{AddressFamily, SocketFlags, SocketType, getsockname, socket_with, sockopt};

/// A name for a database that no other test has.
#[must_use]
pub fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Says loudly why a test that needs a server does nothing.
#[expect(clippy::print_stderr, reason = "only tests use this crate")]
fn skip(what: &str) {
    eprintln!("SKIPPED: {what} is not installed (`apt-get install postgresql mariadb-server pgbouncer`)");
}

/// A program, where it is installed.
fn program(name: &str, folders: &[&str]) -> Option<PathBuf> {
    folders.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.is_file())
}

/// A port of the loopback address on which nobody listens. For as long as this process lives the kernel gives it to nobody; who names
/// it, as a server does, can listen there: this end of it is bound and does not listen, and both may share it (`SO_REUSEADDR`).
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    static HELD: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.expect("a socket");
    sockopt::set_socket_reuseaddr(&socket, true).expect("a port that can be shared");
    rustix::net::bind(&socket, &any).expect("a free port");
    let address = SocketAddrV4::try_from(getsockname(&socket).expect("its address"));
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    address.expect("a port").port()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::free_port;

    #[test]
    fn a_free_port_refuses_until_a_server_listens_there() {
        let port = free_port();
        let refused = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let _server = TcpListener::bind(("127.0.0.1", port)).unwrap();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_ne!(free_port(), port);
    }
}
