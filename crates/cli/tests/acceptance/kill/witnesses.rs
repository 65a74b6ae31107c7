//! Clients that go on asking while somebody is killed, and what they may see.
//!
//! A killed control plane costs no request. A killed edge costs those in flight; new connections wait and none is refused.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bascule_load::{Load, Profile};

use super::victims::Victim;
use crate::support::door;

/// How long a new connection may wait for its answer: far above what is measured and printed, below what nobody would bear.
const WAIT_LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// A client, as the victim's death is to be seen by it.
pub enum Witness {
    /// Keeps connections; loses nothing.
    OfEveryRequest(Load),
    /// Makes a new connection for each request; is never refused.
    OfNewConnections(Visits),
    /// Nothing is promised.
    None,
}

impl Witness {
    /// The one for that victim, at work.
    pub fn of(victim: Victim, door: SocketAddr) -> Self {
        match victim {
            Victim::ControlPlane => {
                let profile =
                    Profile { http1: 3, http2: 3, rate_per_second: Some(60.0), ..Profile::idle(door) };
                Self::OfEveryRequest(bascule_load::start(profile).unwrap())
            }
            Victim::Edge => Self::OfNewConnections(Visits::begin(door)),
            // An instance takes with it what it was answering, and all three at once take the door as well.
            Victim::Instance | Victim::All => Self::None,
        }
    }

    /// Ends it and fails if it saw what it must not see.
    pub fn tell(self) {
        match self {
            Self::OfEveryRequest(load) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let figures = runtime.block_on(load.stop());
                println!("{} requests, {} lost", figures.ok(), figures.failed());
                assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
                assert!(figures.ok() > 10, "{figures:#?}");
            }
            Self::OfNewConnections(visits) => {
                let seen = visits.end();
                println!("{seen:?}");
                assert_eq!(seen.refused, 0, "{seen:?}");
                assert!(seen.answered > 10, "{seen:?}");
                assert!(seen.longest < WAIT_LIMIT, "{seen:?}");
            }
            Self::None => {}
        }
    }
}

/// A thread of visits.
pub struct Visits {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

/// What the visits saw.
#[derive(Debug, Default)]
pub struct Seen {
    answered: u64,
    /// No connection could be made.
    refused: u64,
    /// Connected, and lost with the edge.
    cut: u64,
    /// From the begin of a connection to the end of its answer.
    longest: Duration,
}

impl Visits {
    fn begin(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !told.load(Ordering::Relaxed) {
                visit(address, &mut seen);
                std::thread::sleep(PAUSE);
            }
            seen
        });
        Self { stop, thread: Some(thread) }
    }

    fn end(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Visits {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn visit(address: SocketAddr, seen: &mut Seen) {
    let began = Instant::now();
    let Ok(mut stream) = TcpStream::connect(address) else {
        seen.refused += 1;
        return;
    };
    match door::ask(&mut stream, "localhost", "/version") {
        Ok(answer) if answer.status == 200 => {
            seen.answered += 1;
            seen.longest = seen.longest.max(began.elapsed());
        }
        _ => seen.cut += 1,
    }
}
