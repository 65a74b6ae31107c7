//! Runs the control plane: takes the state folder, opens what is in it, goes on where the last one stopped, and answers on its socket
//! until it is told to end. Its end, sudden or not, touches neither the edge nor the instances.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bascule_engine::context::Ports;
use bascule_engine::engine::Engine;
use bascule_engine::home::Seat;
use bascule_engine::ports::{Artifacts, Clock, Hooks};
use bascule_migrate::tools::Tools;
use bascule_model::problem::{Code, Problem};
#[cfg(feature = "docker")]
use bascule_target_docker::{
    Connection, DockerImages, DockerImagesOptions, DockerOptions, DockerTarget, Reach,
};
#[cfg(feature = "kubernetes")]
use bascule_target_kubernetes::{Access, Clusters, KubernetesOptions, KubernetesTarget, KubernetesTraffic};
use bascule_target_process::{ArtifactStore, FileVault, ProcessOptions, ProcessTarget};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

use crate::checker::RealChecker;
use crate::client::SOCKET;
use crate::control::Control;
use crate::databases::{Backups, Databases, Ways};
use crate::edge_link::{EdgeLink, EdgeProgram};
use crate::health_watch::HealthWatch;
use crate::journal;
use crate::pipelines::Pipelines;
use crate::policy::approvals;
use crate::policy::door::Door;
use crate::policy::peer::Peer;
use crate::system::{SystemClock, TimedIds};
use crate::targets::{Stores, Targets};
use crate::task_logs::TaskLogs;
use crate::traffic::EdgeTraffic;
use crate::traffics::Traffics;
use crate::{identity, keeper, recall, routes, state_dir};

/// What a control plane is started with.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The state folder.
    pub state: PathBuf,
    /// The program that `edge` is started from.
    pub program: PathBuf,
    /// The program's version.
    pub version: String,
    /// The environment of the wiring: builds get all of it, instances only PATH, HOME, LANG and TZ.
    pub environment: BTreeMap<String, String>,
}

impl ServeOptions {
    fn without(mut self, variable: &str) -> Self {
        self.environment.remove(variable);
        self
    }
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Why it could not start: the state folder, its lock, the journal.
pub async fn serve(options: ServeOptions) -> Result<(), Problem> {
    state_dir::prepare(&options.state)?;
    let _lock = state_dir::lock(&options.state)?;
    // Before there is a journal: one that is there tells a folder from before.
    let state_id = identity::of_locked(&options.state)?;
    let journal = journal::open(&options.state, &options.environment).await?;
    // Builds and the like are not to see how the database is reached.
    let options = options.without(journal::VARIABLE);
    let place = journal.place.clone();
    let control = build(&options, state_id, journal).await?;
    recall::all(&control).await?;
    let listener = listen(&options)?;
    let keep_edge = tokio::spawn(control.edge.clone().keep());
    let keep_order = tokio::spawn(keeper::keep(control.clone()));
    crate::log::line(
        &control.engine,
        &format!("bascule {} serves {}, with the journal {place}", options.version, options.state.display()),
    );
    if let Err(problem) = approvals::open_again(&control).await {
        crate::log::line(&control.engine, &format!("opening the door for approvals again: {problem}"));
    }
    let service = routes::router(control.clone()).into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, service).with_graceful_shutdown(told_to_end()).into_future();
    // Whoever follows a run would keep a graceful end waiting: the runs go on with the next control plane anyway.
    let ended = tokio::select! {
        ended = served => ended,
        () = told_to_end() => Ok(()),
    };
    keep_edge.abort();
    keep_order.abort();
    control.door.close();
    let _ = std::fs::remove_file(options.state.join(SOCKET));
    ended.map_err(|error| unusable(&options, &error))
}

async fn build(
    options: &ServeOptions,
    state_id: String,
    journal: journal::Opened,
) -> Result<Arc<Control>, Problem> {
    let state = &options.state;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let vault = Arc::new(FileVault::open(state).map_err(Problem::from)?);
    let artifacts = Arc::new(
        ArtifactStore::open(&state.join("artifacts"), options.environment.clone()).map_err(Problem::from)?,
    );
    let process = ProcessTarget::open(ProcessOptions {
        state_dir: state.clone(),
        state_id: state_id.clone(),
        environment: kept(&options.environment),
        log_limit: bascule_target_process::LOG_LIMIT,
        clock: clock.clone(),
        artifacts: artifacts.clone(),
        vault: vault.clone(),
        memory_folders: memory_folders(&options.environment),
    })
    .await
    .map_err(Problem::from)?;
    #[cfg(feature = "docker")]
    let connection = Arc::new(Connection::new(Connection::socket_of(
        options.environment.get("DOCKER_HOST").map(String::as_str),
    )));
    #[cfg(feature = "kubernetes")]
    let clusters = Clusters::new(KubernetesOptions {
        state_dir: state.clone(),
        // Whoever writes to a shared journal acts for the same owner, on whichever machine.
        state_id: journal.id.clone().unwrap_or_else(|| state_id.clone()),
        home: bascule_model::plan::hex(&<sha2::Sha256 as sha2::Digest>::digest(home(state).as_bytes())[..6]),
        access: Access::of_user(
            options.environment.get("KUBECONFIG").map(String::as_str),
            options.environment.get("HOME").map(Path::new),
        ),
        clock: clock.clone(),
        vault: vault.clone(),
    });
    let target = Targets {
        process,
        #[cfg(feature = "kubernetes")]
        kubernetes: {
            let kubernetes = KubernetesTarget::new(clusters.clone());
            kubernetes.forget_leftovers();
            Arc::new(kubernetes)
        },
        #[cfg(feature = "docker")]
        docker: DockerTarget::open(DockerOptions {
            state_dir: state.clone(),
            state_id: state_id.clone(),
            connection: connection.clone(),
            clock: clock.clone(),
            vault: vault.clone(),
            reach: reach(&options.environment)?,
            memory_folders: memory_folders(&options.environment),
        })
        .await
        .map_err(Problem::from)?,
    };
    #[cfg(feature = "docker")]
    let images: Option<Arc<dyn Artifacts>> = Some(Arc::new(DockerImages::open(DockerImagesOptions {
        connection,
        state_id: state_id.clone(),
        state_dir: state.clone(),
        home: options.environment.get("HOME").map(PathBuf::from),
        docker_config: options.environment.get("DOCKER_CONFIG").map(PathBuf::from),
    })));
    #[cfg(not(feature = "docker"))]
    let images: Option<Arc<dyn Artifacts>> = None;
    let artifacts = Stores { files: artifacts, images };
    let edge = EdgeLink::new(EdgeProgram {
        state: state.clone(),
        program: options.program.clone(),
        environment: kept(&options.environment),
    });
    let traffic = Arc::new(Traffics {
        edge: EdgeTraffic::new(edge.clone()),
        #[cfg(feature = "kubernetes")]
        clusters: Arc::new(KubernetesTraffic::new(clusters)),
    });
    #[cfg(feature = "kubernetes")]
    traffic.clusters.take_over().map_err(Problem::from)?;
    let ports = Ports {
        target: Arc::new(target),
        artifacts: Arc::new(artifacts),
        traffic: traffic.clone(),
        checker: Arc::new(RealChecker),
        vault,
        migrations: Arc::new(databases(options, clock.clone())),
        logs: Arc::new(TaskLogs),
        clock,
        hooks: hooks(options),
    };
    let seat = Seat::new(u64::from(std::process::id()), home(state), journal.shares);
    let engine = Engine::new(ports, journal.journal, Arc::new(TimedIds), seat, state.join("logs"));
    Ok(Arc::new(Control {
        engine,
        edge,
        traffic,
        health: HealthWatch::default(),
        pipelines: Pipelines::new(state.clone(), options.program.clone()),
        door: Door::new(options.environment.get("BASCULE_APPROVALS").map(String::as_str), &state_id),
        state: state.clone(),
        version: options.version.clone(),
        tasks: TaskTracker::new(),
    }))
}

/// Databases, and where the servers' own programs are looked for.
fn databases(options: &ServeOptions, clock: Arc<dyn Clock>) -> Databases {
    let state = options.state.clone();
    let owner = format!("bascule serve (pid {})", std::process::id());
    let path = options.environment.get("PATH").map_or("", String::as_str);
    let tools = Tools::new(path, state.clone());
    let backups = Backups::new(state.clone(), tools.clone(), clock.clone());
    let ways = Ways::new(|name| options.environment.get(name).cloned());
    Databases::new(state, tools, backups, (owner, ways), clock)
}

/// How containers are reached, where `BASCULE_DOCKER_REACH` says it.
#[cfg(feature = "docker")]
fn reach(environment: &BTreeMap<String, String>) -> Result<Option<Reach>, Problem> {
    match environment.get("BASCULE_DOCKER_REACH").map(String::as_str) {
        None | Some("") => Ok(None),
        Some("address") => Ok(Some(Reach::Address)),
        Some("published") => Ok(Some(Reach::Published)),
        Some(other) => Err(Problem::new(
            Code::Usage,
            format!("BASCULE_DOCKER_REACH is {other:?}, which is no way to reach containers"),
            "set it to `address` or `published`, or not at all",
        )),
    }
}

/// Where secrets that are files can lie in memory: root's usual place, the user's own, and what every Linux has.
fn memory_folders(environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let user = rustix::process::geteuid();
    let own = environment.get("XDG_RUNTIME_DIR").map(PathBuf::from);
    let roots = user.is_root().then(|| PathBuf::from("/run"));
    // A control plane that was started outside of a session finds what one within it has left.
    let usual = PathBuf::from(format!("/run/user/{}", user.as_raw()));
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in roots.into_iter().chain(own).chain([usual, PathBuf::from("/dev/shm")]) {
        if folder.is_absolute() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

#[cfg(not(feature = "failpoints"))]
fn hooks(_: &ServeOptions) -> Arc<dyn Hooks> {
    Arc::new(bascule_engine::ports::NoHooks)
}

#[cfg(feature = "failpoints")]
fn hooks(options: &ServeOptions) -> Arc<dyn Hooks> {
    match options.environment.get("BASCULE_FAILPOINTS") {
        Some(folder) => Arc::new(crate::failpoints::FileHooks::new(folder.into())),
        None => Arc::new(bascule_engine::ports::NoHooks),
    }
}

/// This machine and this state folder, for those who share a journal with it. Machines that were copied have one name, but each has
/// an id of its own.
fn home(state: &Path) -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = <sha2::Sha256 as sha2::Digest>::digest(format!("bascule {}", id.trim()).as_bytes());
    format!("{name}:{} #{}", state.display(), bascule_model::plan::hex(&id[..3]))
}

/// The variables that instances and the edge inherit.
fn kept(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    ["PATH", "HOME", "LANG", "TZ"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.clone())))
        .collect()
}

fn listen(options: &ServeOptions) -> Result<UnixListener, Problem> {
    let path = options.state.join(SOCKET);
    // The lock is ours: a socket that lies there belongs to nobody.
    let _ = std::fs::remove_file(&path);
    let bound = UnixListener::bind(&path).and_then(|listener| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    bound.map_err(|error| unusable(options, &error))
}

fn unusable(options: &ServeOptions, error: &std::io::Error) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!("the control plane cannot listen on {}: {error}", options.state.join(SOCKET).display()),
        "name another state folder with --state; a socket's whole path has at most 107 characters",
    )
}

async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
