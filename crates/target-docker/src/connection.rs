//! The way to the engine: one socket, asked when it is needed, waited for when it is away.
//!
//! Nothing is connected before the first call, so a machine without an engine starts as well as one with it. A call that met no
//! engine, or one that was just being restarted, is made again until the caller's patience ends: every call of this room is
//! idempotent or asks the engine first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::error::DockerError;

/// The engine's usual socket.
pub const SOCKET: &str = "/var/run/docker.sock";
/// The oldest API that will do: that of Docker Engine 20.10.
const OLDEST: (usize, usize) = (1, 41);
const OLDEST_IN_WORDS: &str = "1.41";
/// How long one call may take, in seconds. Streams are bounded by whoever reads them.
const CALL_TIMEOUT: u64 = 120;
/// The pause before an engine that is away is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of an engine once it has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// Its version, as it says it.
    pub version: String,
    /// Whether it runs without root: containers' addresses cannot be reached from this machine then.
    pub rootless: bool,
    /// Whether it is a virtual machine on a desktop: the same holds.
    pub desktop: bool,
    /// Bytes of memory it has.
    pub memory: u64,
}

/// The way to the engine.
#[derive(Debug)]
pub struct Connection {
    socket: PathBuf,
    client: OnceCell<Docker>,
}

impl Connection {
    /// The way to the engine at this socket. Connects to nothing yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), client: OnceCell::new() }
    }

    /// The socket that `DOCKER_HOST` names, where it names one, else [`SOCKET`].
    #[must_use]
    pub fn socket_of(docker_host: Option<&str>) -> PathBuf {
        docker_host.and_then(|host| host.strip_prefix("unix://")).unwrap_or(SOCKET).into()
    }

    /// Where it is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether it has answered since this process began: then it is there, and only away.
    pub(crate) fn has_answered(&self) -> bool {
        self.client.initialized()
    }

    /// The client, after the engine has said which version of the API it speaks.
    ///
    /// # Errors
    /// When it does not answer, or is too old.
    pub async fn client(&self) -> Result<&Docker, DockerError> {
        let connect = async {
            let socket = self.socket.display().to_string();
            let newest = bollard::API_DEFAULT_VERSION;
            let client = Docker::connect_with_unix(&socket, CALL_TIMEOUT, newest);
            let client = match client {
                Ok(client) => client.negotiate_version().await,
                Err(error) => Err(error),
            };
            let client = client.map_err(|error| self.error("ask for its version", error))?;
            let version = client.client_version();
            if (version.major_version, version.minor_version) < OLDEST {
                return Err(DockerError::TooOld { found: version.to_string(), needed: OLDEST_IN_WORDS });
            }
            Ok(client)
        };
        self.client.get_or_try_init(|| connect).await
    }

    /// Makes a call. `doing` completes "could not …".
    ///
    /// # Errors
    /// What the engine said, or that it is away.
    pub async fn call<T, F>(&self, doing: &str, call: impl Fn(Docker) -> F) -> Result<T, DockerError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        call(self.client().await?.clone()).await.map_err(|error| self.error(doing, error))
    }

    /// Makes a call, and makes it again while the engine is away, for as long as `patience`.
    ///
    /// # Errors
    /// As [`Self::call`], once patience is over.
    pub async fn patient_call<T, F>(
        &self,
        doing: &str,
        patience: Duration,
        call: impl Fn(Docker) -> F,
    ) -> Result<T, DockerError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let until = Instant::now() + patience;
        loop {
            match self.call(doing, &call).await {
                Err(error) if error.is_passing() && Instant::now() < until => tokio::time::sleep(PAUSE).await,
                result => return result,
            }
        }
    }

    /// What the engine is.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn facts(&self) -> Result<EngineFacts, DockerError> {
        let info = self
            .call("ask the Docker Engine what it is", |docker| async move { docker.info().await })
            .await?;
        let options = info.security_options.unwrap_or_default();
        let system = info.operating_system.unwrap_or_default();
        Ok(EngineFacts {
            version: info.server_version.unwrap_or_default(),
            rootless: options.iter().any(|option| option.contains("name=rootless")),
            desktop: system.contains("Docker Desktop"),
            memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
        })
    }

    /// Tells an error of the client in the words of this room.
    pub(crate) fn error(&self, doing: &str, error: Error) -> DockerError {
        let doing = doing.to_owned();
        let socket = || self.socket.display().to_string();
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                DockerError::Refused { doing, status: status_code, words: message }
            }
            Error::SocketNotFoundError(_)
            | Error::HyperLegacyError { .. }
            | Error::HyperResponseError { .. }
            | Error::IOError { .. }
            | Error::RequestTimeoutError => DockerError::Away { doing, socket: socket(), source: error },
            _ => DockerError::Answer { doing, source: error },
        }
    }
}
