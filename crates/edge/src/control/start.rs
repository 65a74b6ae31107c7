//! The edge's life: start (beside nobody, or taking over from a running edge), serve, leave.

use std::cell::{Cell, RefCell};
use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustix::fs::FlockOperation;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::acceptor::Distributor;
use super::client::EdgeClient;
use super::drain::watch_predecessor;
use super::listeners::Listeners;
use super::path::shorten;
use super::process::Process;
use super::server::serve;
use super::world::World;
use crate::error::EdgeError;
use crate::options::{EdgeOptions, Limits, socket_path};
use crate::snapshot::SnapshotFiles;
use crate::table::Table;
use crate::upstream::health::{doctor, probe_all};
use crate::worker::thread;

/// How long a start waits for another one to finish.
const START_LOCK_LIMIT: Duration = Duration::from_secs(10);

/// Runs an edge until it was told to leave (or got SIGTERM) and everything in flight has ended. Blocks; makes threads and
/// event loops of its own, so it must not be called from within one.
///
/// When an edge with the same state folder is running, this one takes over from it: listening sockets and routes; the
/// former one serves what it has begun and goes.
///
/// # Errors
/// When the state folder cannot be used, another edge is starting, or the system refuses threads or sockets.
pub fn run(options: EdgeOptions) -> Result<(), EdgeError> {
    let connections = options.limits.connections.min(raise_descriptor_limit());
    let options = EdgeOptions { limits: Limits { connections, ..options.limits }, ..options };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(EdgeError::io("starting the control thread's event loop"))?;
    runtime.block_on(live(options))
}

async fn live(options: EdgeOptions) -> Result<(), EdgeError> {
    make_folder(&options.state_dir)?;
    let start_lock = lock(&options.state_dir).await?;
    let (doctor, patients) = doctor();
    tokio::task::spawn_local(probe_all(patients));

    let table = Arc::new(ArcSwap::from_pointee(Table::default()));
    let (ended, mut ends) = mpsc::unbounded_channel();
    let workers = options.worker_count();
    let handles = (0..workers)
        .map(|index| thread::start(index, options.limits, Arc::clone(&table), doctor.clone(), ended.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    drop((ended, doctor));

    let predecessor = match EdgeClient::connect(&options.state_dir).await {
        Ok(predecessor) => {
            predecessor.begin_hand_over().await?;
            Some(Rc::new(predecessor))
        }
        Err(EdgeError::NotRunning { .. } | EdgeError::Gone { .. }) => None,
        Err(error) => return Err(error),
    };
    let files = SnapshotFiles::new(&options.state_dir);
    let world = World::new(files.load(), table, workers);
    let process = Rc::new(Process {
        files,
        world: RefCell::new(world),
        listeners: RefCell::new(Listeners::default()),
        distributor: Rc::new(Distributor::new(handles, options.limits.connections)),
        changing: Mutex::new(()),
        successor: Cell::new(None),
        predecessor: RefCell::new(predecessor.clone()),
        leaving: Cell::new(None),
        let_go: CancellationToken::new(),
        left: Notify::new(),
        calls: Rc::new(()),
        options,
    });
    if let Some(predecessor) = &predecessor {
        for (address, socket) in predecessor.take_listeners().await? {
            process.take_listener(address, socket)?;
        }
    }
    let listener = bind(&process.options.state_dir)?;
    let control = tokio::task::spawn_local(serve(Rc::clone(&process), listener));
    if let Some(predecessor) = predecessor {
        predecessor.leave(process.options.limits.leave_drain).await?;
        tokio::task::spawn_local(watch_predecessor(Rc::clone(&process)));
    }
    drop(start_lock);

    let outcome = wait_for_the_end(&process, &mut ends, workers).await;
    control.abort();
    outcome
}

/// Serves until the edge was told to leave and every worker has ended.
async fn wait_for_the_end(
    process: &Process,
    ends: &mut mpsc::UnboundedReceiver<usize>,
    workers: usize,
) -> Result<(), EdgeError> {
    let watching = || EdgeError::io("watching for signals");
    let mut terminate = signal(SignalKind::terminate()).map_err(watching())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(watching())?;
    let mut running = workers;
    loop {
        let told_to_go = tokio::select! {
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
            () = process.left.notified() => false,
            Some(index) = ends.recv() => {
                running -= 1;
                if process.leaving.get().is_none() {
                    let source = std::io::Error::other(format!("worker thread {index} ended unexpectedly"));
                    return Err(EdgeError::Io { doing: "serving".to_owned(), source });
                }
                if running == 0 {
                    process.answered().await;
                    return Ok(());
                }
                false
            }
        };
        if told_to_go {
            if process.leaving.get().is_some() {
                // Told twice: somebody is in a hurry.
                return Ok(());
            }
            process.leave(process.options.limits.leave_drain);
        }
    }
}

fn make_folder(path: &Path) -> Result<(), EdgeError> {
    let doing = format!("making the state folder {}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(EdgeError::io(doing))
}

/// Keeps two edges from starting at the same time. The lock goes with the process that holds it.
async fn lock(state_dir: &Path) -> Result<File, EdgeError> {
    let path = state_dir.join("edge.lock");
    let doing = format!("opening {}", path.display());
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(EdgeError::io(doing))?;
    let until = Instant::now() + START_LOCK_LIMIT;
    while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= until {
            return Err(EdgeError::StartLocked { path });
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(file)
}

/// Puts a new control socket in the place of the old one, without a moment in which there is none.
fn bind(state_dir: &Path) -> Result<UnixListener, EdgeError> {
    let path = socket_path(state_dir);
    let aside = state_dir.join("edge.sock.new");
    let doing = || EdgeError::io(format!("opening the control socket {}", path.display()));
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(doing()(error)),
        _ => {}
    }
    let short = shorten(&aside).map_err(doing())?;
    let listener = UnixListener::bind(&short.path).map_err(doing())?;
    fs::set_permissions(&aside, Permissions::from_mode(0o600)).map_err(doing())?;
    fs::rename(&aside, &path).map_err(doing())?;
    Ok(listener)
}

/// Descriptors that are not for connections.
const RESERVED_DESCRIPTORS: u64 = 256;

/// Raises the limit of descriptors as far as it goes. Gives how many client connections that is enough for: each needs one
/// for itself and one for the instance.
fn raise_descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // What cannot be raised stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors.saturating_sub(RESERVED_DESCRIPTORS) / 2).unwrap_or(usize::MAX).max(1)
}
