//! Keeps an edge running and in touch: starts it, gives it the listening sockets, takes them back when the control plane itself was
//! away, and starts it anew when it died. The sockets are held here as well, so that new connections wait and none is refused.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bascule_edge::EdgeClient;
use bascule_model::problem::{Code, Problem};
use tokio::net::TcpSocket;
use tokio::sync::watch;

/// How many connections may wait while nobody accepts.
const BACKLOG: u32 = 4096;
/// How long a call waits for an edge.
const PATIENCE: Duration = Duration::from_secs(10);

/// How an edge is started.
#[derive(Debug, Clone)]
pub struct EdgeProgram {
    /// The state folder.
    pub state: PathBuf,
    /// The program; it is called as `PROGRAM edge --state STATE`.
    pub program: PathBuf,
    /// The environment that it gets, and no other.
    pub environment: BTreeMap<String, String>,
}

/// The link to the edge.
pub struct EdgeLink {
    program: EdgeProgram,
    listeners: Mutex<BTreeMap<SocketAddr, OwnedFd>>,
    client: watch::Sender<Option<Arc<EdgeClient>>>,
}

impl EdgeLink {
    /// A link that is not up yet; [`Self::keep`] brings and holds it up.
    #[must_use]
    pub fn new(program: EdgeProgram) -> Arc<Self> {
        Arc::new(Self { program, listeners: Mutex::default(), client: watch::channel(None).0 })
    }

    /// The edge, as soon as there is one.
    ///
    /// # Errors
    /// `EDGE_UNAVAILABLE` when none could be reached or started in time.
    pub async fn client(&self) -> Result<Arc<EdgeClient>, Problem> {
        let mut watcher = self.client.subscribe();
        let there = watcher.wait_for(Option::is_some);
        if let Ok(Ok(client)) = tokio::time::timeout(PATIENCE, there).await
            && let Some(client) = client.as_ref()
        {
            return Ok(client.clone());
        }
        Err(Problem::new(
            Code::EdgeUnavailable,
            format!("the edge does not answer after {} s", PATIENCE.as_secs()),
            format!("read {}", self.program.state.join("edge.log").display()),
        ))
    }

    /// The edge, if it is there now.
    #[must_use]
    pub fn now(&self) -> Option<Arc<EdgeClient>> {
        self.client.borrow().clone()
    }

    /// Holds the edge up, for ever.
    pub async fn keep(self: Arc<Self>) {
        let mut pause = Duration::from_millis(20);
        loop {
            match self.bring_up().await {
                Ok(client) => {
                    pause = Duration::from_millis(20);
                    self.client.send_replace(Some(client.clone()));
                    client.closed().await;
                    self.client.send_replace(None);
                }
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
            }
        }
    }

    async fn bring_up(&self) -> Result<Arc<EdgeClient>, Problem> {
        let client = match EdgeClient::connect(&self.program.state).await {
            Ok(client) => client,
            Err(_) => self.start().await?,
        };
        let held = client.take_listeners().await.map_err(|error| away(&error))?;
        let known: Vec<SocketAddr> = held.iter().map(|(address, _)| *address).collect();
        for (address, socket) in held {
            self.listeners().entry(address).or_insert(socket);
        }
        let ours: Vec<SocketAddr> = self.listeners().keys().copied().collect();
        for address in ours.into_iter().filter(|address| !known.contains(address)) {
            self.give(&client, address).await?;
        }
        Ok(Arc::new(client))
    }

    async fn start(&self) -> Result<EdgeClient, Problem> {
        spawn(&self.program)?;
        let began = tokio::time::Instant::now();
        loop {
            match EdgeClient::connect(&self.program.state).await {
                Ok(client) => return Ok(client),
                Err(error) if began.elapsed() > PATIENCE => return Err(away(&error)),
                Err(_) => tokio::time::sleep(Duration::from_millis(3)).await,
            }
        }
    }

    async fn give(&self, client: &EdgeClient, address: SocketAddr) -> Result<(), Problem> {
        let copy = self.listeners().get(&address).map(OwnedFd::try_clone);
        match copy {
            Some(Ok(socket)) => client.give_listener(address, socket).await.map_err(|error| away(&error)),
            Some(Err(error)) => Err(away(&error)),
            None => Ok(()),
        }
    }

    /// Whether the address is ours or free. Changes nothing.
    ///
    /// # Errors
    /// `PORT_IN_USE`, or why it cannot be bound.
    pub fn can_bind(&self, address: SocketAddr) -> Result<(), Problem> {
        if self.listeners().contains_key(&address) {
            return Ok(());
        }
        bind(address).map(drop)
    }

    /// Binds the address if it is not bound, and gives it to the edge.
    ///
    /// # Errors
    /// `PORT_IN_USE`, or `EDGE_UNAVAILABLE`.
    pub async fn open(&self, address: SocketAddr) -> Result<(), Problem> {
        let client = self.client().await?;
        let is_new = !self.listeners().contains_key(&address);
        if is_new {
            let socket = bind(address)?;
            self.listeners().insert(address, socket);
        }
        self.give(&client, address).await
    }

    /// Closes an address that nobody needs any more.
    ///
    /// # Errors
    /// `EDGE_UNAVAILABLE`.
    pub async fn close(&self, address: SocketAddr) -> Result<(), Problem> {
        let client = self.client().await?;
        client.close_listener(address).await.map_err(|error| away(&error))?;
        self.listeners().remove(&address);
        Ok(())
    }

    fn listeners(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, OwnedFd>> {
        self.listeners.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn bind(address: SocketAddr) -> Result<OwnedFd, Problem> {
    let bound = || -> std::io::Result<OwnedFd> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket.listen(BACKLOG)?.into_std()?.into())
    };
    bound().map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Problem::new(
            Code::PortInUse,
            format!("{address} cannot be opened for users: another program listens there"),
            format!(
                "stop that program (`ss -ltnp 'sport = :{}'` names it), or choose another `listen`",
                address.port()
            ),
        ),
        std::io::ErrorKind::PermissionDenied => Problem::new(
            Code::PortInUse,
            format!("{address} cannot be opened for users: ports below 1024 need a privilege"),
            "choose a `listen` of 1024 or above, or give the program CAP_NET_BIND_SERVICE",
        ),
        _ => Problem::new(
            Code::PortInUse,
            format!("{address} cannot be opened for users: {error}"),
            "choose a `listen` address that this machine has",
        ),
    })
}

/// Starts an edge in a session of its own: it outlives the control plane.
fn spawn(program: &EdgeProgram) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(
            Code::EdgeUnavailable,
            format!("the edge ({}) could not be started: {error}", program.program.display()),
            "start it in a terminal to see why: `bascule edge`",
        )
    };
    let log = crate::state_dir::append(&program.state.join("edge.log")).map_err(failed)?;
    let mut command = tokio::process::Command::new(&program.program);
    command
        .arg("edge")
        .arg("--state")
        .arg(&program.state)
        .env_clear()
        .envs(&program.environment)
        .current_dir(&program.state)
        .stdin(std::process::Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    // Reaps it when it ends; its end itself is seen on the control socket.
    tokio::spawn(async move { child.wait().await });
    Ok(())
}

pub(crate) fn away(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::EdgeUnavailable,
        format!("the edge does not answer as it should: {error}"),
        "`bascule status` shows whether it is back; edge.log in the state folder says what happened",
    )
}
