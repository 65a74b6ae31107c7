//! Requests of our own through a Service, where nobody else counts users': so many in a second, over a few connections that are used
//! again, for as long as somebody holds them. What cannot be connected to is the way's fault and no figure of the app.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_engine::ports::{Probing, Wanted};
use bascule_model::evidence::Traffic as Count;
use bascule_model::problem::{Code, Problem};
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::shared::lock;

/// So many requests are under way at once, at most: a slow app gets fewer in a second.
const AT_ONCE: usize = 64;
/// A Service chooses a pod for a connection, not for a request: after so many requests another connection is made.
const USES: u32 = 20;
/// So long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// So long an answer may take at least, whatever counts as slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a connection comes to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As users' do.
    Straight(SocketAddr),
    /// Through the API server, from an address of this machine that always accepts.
    Forwarded(SocketAddr),
}

impl Way {
    fn address(self) -> SocketAddr {
        let (Self::Straight(address) | Self::Forwarded(address)) = self;
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, address.port())
    }
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Came {
    /// An answer, and not a 5xx.
    Well,
    /// A 5xx, or no whole answer.
    Failed,
    /// It did not come as far as the app.
    Unreached(String),
}

/// What became of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tally {
    requests: u64,
    errors: u64,
    slow: u64,
    unreached: u64,
    /// Why the last of those was not.
    why: String,
}

impl Tally {
    fn add(&mut self, came: Came, is_slow: bool) {
        match came {
            Came::Unreached(why) => {
                self.unreached += 1;
                self.why = why;
                return;
            }
            Came::Failed => self.errors += 1,
            Came::Well => {}
        }
        self.requests += 1;
        self.slow += u64::from(is_slow);
    }

    /// A few that did not arrive do not matter. With more than a tenth of them nobody knows what became of the others.
    fn count(&self) -> Result<Count, String> {
        let sent = self.requests + self.unreached;
        if self.unreached * 10 > sent {
            return Err(format!("{} of {sent} did not come as far as the app: {}", self.unreached, self.why));
        }
        let (requests, errors, slow) = (self.requests, self.errors, self.slow);
        Ok(Count { requests, errors, slow, ..Count::default() })
    }
}

/// Requests that go on until it is dropped.
pub(crate) struct OwnRequests {
    load: Arc<Load>,
    sending: JoinHandle<()>,
}

impl OwnRequests {
    /// `rate` requests a second from now on; what takes longer than `slow` counts as slow.
    pub(crate) fn begin(way: Way, wanted: &Wanted, rate: u32, slow: Duration) -> Self {
        let load = Arc::new(Load {
            way,
            path: wanted.path.clone(),
            host: wanted.host.clone().unwrap_or_else(|| way.address().to_string()),
            slow,
            idle: Mutex::default(),
            tally: Mutex::default(),
        });
        Self { sending: tokio::spawn(send(load.clone(), rate)), load }
    }
}

impl Drop for OwnRequests {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

impl Probing for OwnRequests {
    fn count(&self) -> Result<Count, Problem> {
        lock(&self.load.tally).count().map_err(|words| {
            Problem::new(
                Code::BakeNoData,
                format!("of the probe's requests to {} {words}", self.load.way.address()),
                "look whether this machine reaches the Service; `listen` of the environment says where it is",
            )
        })
    }
}

async fn send(load: Arc<Load>, rate: u32) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    // What could not be sent in time is not made up for in a heap.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if under_way.len() < AT_ONCE {
                    let load = load.clone();
                    under_way.spawn(async move { load.one().await });
                }
            }
            Some(_) = under_way.join_next() => {}
        }
    }
}

struct Load {
    way: Way,
    path: String,
    host: String,
    slow: Duration,
    /// Connections that nobody uses just now.
    idle: Mutex<Vec<Connection>>,
    tally: Mutex<Tally>,
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    carried: JoinHandle<()>,
    uses: u32,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.carried.abort();
    }
}

impl Load {
    async fn one(&self) {
        let began = Instant::now();
        let patience = PATIENCE.max(self.slow * 2);
        let came = timeout(patience, self.ask()).await.unwrap_or(Came::Failed);
        lock(&self.tally).add(came, began.elapsed() > self.slow);
    }

    async fn ask(&self) -> Came {
        // One that the other end closed meanwhile says nothing: a new one is made.
        while let Some(connection) = self.take() {
            if let Some(came) = self.exchange(connection).await {
                return came;
            }
        }
        let connection = match timeout(CONNECT, self.connect()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(why)) => return Came::Unreached(why),
            Err(_) => return Came::Unreached(format!("no connection within {} s", CONNECT.as_secs())),
        };
        match (self.exchange(connection).await, self.way) {
            (Some(came), _) => came,
            (None, Way::Straight(_)) => Came::Failed,
            (None, Way::Forwarded(_)) => {
                Came::Unreached("the way through the API server closed before an answer came".to_owned())
            }
        }
    }

    fn take(&self) -> Option<Connection> {
        lock(&self.idle).pop()
    }

    async fn connect(&self) -> Result<Connection, String> {
        let stream = TcpStream::connect(self.way.address()).await.map_err(|error| error.to_string())?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let carried = tokio::spawn(async move {
            // Its errors come out of the requests.
            let _ = connection.await;
        });
        Ok(Connection { sender, carried, uses: 0 })
    }

    /// One request on a connection; none where it ended before any of the answer came.
    async fn exchange(&self, mut connection: Connection) -> Option<Came> {
        connection.sender.ready().await.ok()?;
        connection.uses += 1;
        let request = Request::get(&self.path)
            .header(hyper::header::HOST, &self.host)
            .header(hyper::header::USER_AGENT, "bascule-probe")
            .body(Empty::<Bytes>::new());
        let Ok(request) = request else {
            return Some(Came::Unreached(format!("{} cannot be asked for", self.path)));
        };
        let (head, mut body) = connection.sender.send_request(request).await.ok()?.into_parts();
        // Read to its end and kept nowhere: an answer that breaks off is none.
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return Some(Came::Failed);
            }
        }
        if connection.uses < USES && !connection.sender.is_closed() {
            lock(&self.idle).push(connection);
        }
        Some(if head.status.is_server_error() { Came::Failed } else { Came::Well })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(well: u64, failed: u64, unreached: u64) -> Tally {
        let mut tally = Tally::default();
        (0..well).for_each(|_| tally.add(Came::Well, false));
        (0..failed).for_each(|_| tally.add(Came::Failed, true));
        (0..unreached).for_each(|_| tally.add(Came::Unreached("refused".to_owned()), true));
        tally
    }

    #[test]
    fn what_did_not_reach_the_app_is_no_figure_of_it() {
        let seen = tally(85, 5, 10).count().unwrap();
        assert_eq!((seen.requests, seen.errors, seen.slow), (90, 5, 5));
        assert_eq!(tally(0, 0, 0).count(), Ok(Count::default()));
        for few in [tally(84, 5, 11), tally(0, 0, 1)] {
            let words = few.count().unwrap_err();
            assert!(words.contains("did not come as far as the app: refused"), "{words}");
        }
    }

    #[test]
    fn a_door_on_every_interface_is_asked_on_loopback() {
        for (door, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.7:80", "10.0.0.7:80")]
        {
            assert_eq!(Way::Straight(door.parse().unwrap()).address(), asked.parse().unwrap());
        }
    }
}
