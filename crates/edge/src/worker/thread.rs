//! The worker itself: takes connections from the control thread, serves them, and looks after the time limits.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::clock::{Clock, Millis, millis};
use super::date::Date;
use super::request_id::RequestIds;
use super::watch::{Back, Client, Cut, Exchange, OpenTunnel, Phase, Speaks};
use crate::error::EdgeError;
use crate::http::server::serve_connection;
use crate::options::Limits;
use crate::registry::Registry;
use crate::release::Release;
use crate::table::{ListenerIndex, Table};
use crate::tunnel::pipe;
use crate::upstream::health::Doctor;
use crate::upstream::pool::Pool;

/// How long a connection that ends with unread bytes waits for the client to read the answer.
const LINGER: Millis = 2_000;

/// After how long without a byte it is looked whether a client that waits for its response is still there.
const LOOK_AFTER: Millis = 1_000;

/// After how long without a request the library gives a connection up that it was left with.
const REST_AFTER: Millis = 1_000;

/// What the control thread tells a worker.
#[derive(Debug)]
pub(crate) enum Command {
    /// A new client.
    Serve { stream: std::net::TcpStream, peer: SocketAddr, listener: ListenerIndex },
    /// The release's drain deadline was set or taken back.
    DrainChanged { release: Arc<Release> },
    /// The deadline came: whatever is left on the release ends now; the number of requests goes back.
    Cut { release: Arc<Release>, done: mpsc::UnboundedSender<u64> },
    /// End every connection in good order, by the deadline at the latest, and then the thread.
    Leave { deadline: Instant },
}

/// The control thread's end.
#[derive(Debug, Clone)]
pub(crate) struct WorkerHandle {
    commands: mpsc::UnboundedSender<Command>,
    /// Connections that were given to the worker and have not ended.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl WorkerHandle {
    /// Tells the worker something. One whose thread has ended has nothing left that it could concern.
    pub(crate) fn tell(&self, command: Command) {
        if matches!(command, Command::Serve { .. }) {
            self.connections.fetch_add(1, Ordering::Relaxed);
        }
        let _ = self.commands.send(command);
    }
}

/// What all tasks of a worker share.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) limits: Limits,
    pub(crate) table: Arc<ArcSwap<Table>>,
    pub(crate) doctor: Doctor,
    pub(crate) clock: Rc<Clock>,
    pub(crate) ids: RequestIds,
    pub(crate) date: Date,
    pub(crate) pool: Pool,
    pub(crate) clients: Registry<Client>,
    pub(crate) exchanges: Registry<Exchange>,
    pub(crate) tunnels: Registry<OpenTunnel>,
    /// Where everything is read into that is passed on at once.
    pub(crate) scratch: RefCell<Box<[u8]>>,
    leaving: Cell<Option<Leaving>>,
}

#[derive(Debug, Clone, Copy)]
struct Leaving {
    deadline: Instant,
    /// From here on connections without a request are closed.
    idle_end: Instant,
}

impl Worker {
    /// Whether connections should end after the response that is being served.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get().is_some()
    }

    /// When everything is cut because the edge leaves.
    pub(crate) fn leave_deadline(&self) -> Option<Instant> {
        self.leaving.get().map(|leaving| leaving.deadline)
    }

    fn leave(&self, deadline: Instant) {
        let now = Instant::now();
        let idle_end = now + deadline.saturating_duration_since(now) / 2;
        self.leaving.set(Some(Leaving { deadline, idle_end }));
        self.clients.each(|client| client.bell.ring());
        self.tunnels.each(|tunnel| tunnel.bell.ring());
    }

    fn tick(&self) {
        let now = self.clock.tick();
        let over = |since: Option<Millis>, limit: Millis| since.is_some_and(|since| since + limit <= now);
        let limits = &self.limits;
        let body_idle = millis(limits.body_idle_timeout);
        let upstream_limit = millis(limits.upstream_timeout);
        let leaving = self.leaving.get().map(|leaving| (Instant::now(), leaving));
        self.clients.each(|client| {
            if over(client.linger_since.get(), LINGER) || over(client.write_since.get(), body_idle) {
                client.cut();
            }
            if over(client.head_since.get(), millis(limits.head_timeout)) {
                if client.speaks.get() == Speaks::Http1 {
                    client.head_too_slow.set(Some(()));
                    client.bell.ring();
                } else {
                    client.cut();
                }
            }
            let waits = client.active.get() > 0 && client.speaks.get() == Speaks::Http1;
            if waits && over(Some(client.progress.get()), LOOK_AFTER) {
                client.look.set(Some(()));
                client.bell.ring();
            }
            let rested =
                client.back.get() == Back::AfterRest && over(Some(client.progress.get()), REST_AFTER);
            if rested && client.is_served() {
                client.back.set(Back::AtOnce);
                client.bell.ring();
            }
            let idle = client.active.get() == 0
                && client.head_since.get().is_none()
                && client.speaks.get() != Speaks::Tunnel
                && client.write_since.get().is_none();
            if idle && over(Some(client.progress.get()), millis(limits.idle_timeout)) {
                client.cut();
            }
            if let Some((instant, leaving)) = leaving {
                let idle_ends = idle && instant >= leaving.idle_end && client.linger_since.get().is_none();
                if idle_ends || (instant >= leaving.deadline && client.speaks.get() != Speaks::Tunnel) {
                    client.cut();
                }
            }
        });
        self.exchanges.each(|exchange| {
            let claim = exchange.claim.borrow();
            let Some(claim) = &*claim else { return };
            if over(claim.body.since.get(), body_idle) {
                exchange.cut(Cut::BodyStalled);
            } else if exchange.phase.get() == Phase::AwaitingHead
                && claim.body.since.get().is_none()
                && over(Some(exchange.sent.get()), upstream_limit)
            {
                exchange.cut(Cut::UpstreamTimeout);
            }
            if over(exchange.client_since.get(), body_idle) {
                claim.client.cut();
            }
        });
        self.pool.expire(now, millis(limits.pool_idle_timeout));
    }

    /// Ends what is left on a release. Gives the number of requests; tunnels see by themselves that the deadline has passed.
    fn cut(&self, release: &Arc<Release>) -> u64 {
        let mut requests = 0;
        self.exchanges.each(|exchange| {
            if exchange.is_on(release) && exchange.phase.get() != Phase::Idle {
                exchange.cut(Cut::Drained);
                cut_stuck(exchange);
                requests += 1;
            }
        });
        self.ring_tunnels(release);
        requests
    }

    fn ring_tunnels(&self, release: &Arc<Release>) {
        self.tunnels.each(|tunnel| {
            if pipe::is_on(tunnel, release) {
                tunnel.bell.ring();
            }
        });
    }
}

/// Ends the connection of a client that takes nothing: it would not come to see that its exchange was ended.
fn cut_stuck(exchange: &Exchange) {
    if let Some(claim) = &*exchange.claim.borrow()
        && claim.client.speaks.get() == Speaks::Http1
        && claim.client.write_since.get().is_some()
    {
        claim.client.cut();
    }
}

/// Starts a worker thread.
pub(crate) fn start(
    index: usize,
    limits: Limits,
    table: Arc<ArcSwap<Table>>,
    doctor: Doctor,
    ended: mpsc::UnboundedSender<usize>,
) -> Result<WorkerHandle, EdgeError> {
    let (commands, told) = mpsc::unbounded_channel();
    let connections = Arc::new(AtomicUsize::new(0));
    let handle = WorkerHandle { commands, connections: Arc::clone(&connections) };
    let runtime = move || -> Result<(), EdgeError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .map_err(EdgeError::io("starting a worker's event loop"))?;
        let worker = Rc::new(Worker {
            index,
            limits,
            table,
            doctor,
            clock: Rc::new(Clock::new()),
            ids: RequestIds::new(index),
            pool: Pool::default(),
            clients: Registry::default(),
            exchanges: Registry::default(),
            tunnels: Registry::default(),
            date: Date::default(),
            scratch: RefCell::new(vec![0; pipe::PIECE].into_boxed_slice()),
            leaving: Cell::new(None),
        });
        runtime.block_on(work(worker, told, connections));
        Ok(())
    };
    std::thread::Builder::new()
        .name(format!("edge-{index}"))
        .spawn(move || {
            // A runtime that cannot start is as good as a thread that ended: the control thread ends the process.
            let _ = runtime();
            let _ = ended.send(index);
        })
        .map_err(EdgeError::io("starting a worker thread"))?;
    Ok(handle)
}

async fn work(worker: Rc<Worker>, mut told: mpsc::UnboundedReceiver<Command>, connections: Arc<AtomicUsize>) {
    let mut ticks = interval(worker.limits.tick());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            command = told.recv() => {
                let Some(command) = command else { return };
                obey(&worker, command, &connections);
            }
            _ = ticks.tick() => {
                worker.tick();
                if worker.is_leaving() && worker.clients.len() == 0 && connections.load(Ordering::Relaxed) == 0 {
                    worker.pool.clear();
                    return;
                }
            }
        }
    }
}

fn obey(worker: &Rc<Worker>, command: Command, connections: &Arc<AtomicUsize>) {
    match command {
        Command::Serve { stream, peer, listener } => {
            let open = Open(Arc::clone(connections));
            // The socket is only lost when the system is out of resources; the client sees it close.
            if let Ok(stream) = tokio::net::TcpStream::from_std(stream) {
                let worker = Rc::clone(worker);
                tokio::task::spawn_local(async move {
                    serve_connection(worker, stream, peer, listener).await;
                    drop(open);
                });
            }
        }
        Command::DrainChanged { release } => worker.ring_tunnels(&release),
        Command::Cut { release, done } => {
            // The caller may have stopped waiting.
            let _ = done.send(worker.cut(&release));
        }
        Command::Leave { deadline } => worker.leave(deadline),
    }
}

/// A connection that counts as long as this lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
