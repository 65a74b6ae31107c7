//! A look at the engine, for a person who wants to know whether containers can run here. Changes nothing, waits for nobody.

use std::path::PathBuf;
use std::time::Duration;

use bollard::models::{SystemInfo, SystemVersion};

use crate::connection::Connection;
use crate::error::DockerError;

/// So long an engine may take that answers at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Survey {
    /// There is nothing at the socket's path.
    NoSocket,
    /// There is a socket, and this user may not use it: who may.
    Forbidden {
        /// The group that may, where it has a number other than root's.
        group: Option<u32>,
    },
    /// There is a socket, and nobody answers.
    Silent {
        /// Why.
        detail: String,
    },
    /// It is too old.
    TooOld {
        /// In its own words.
        detail: String,
    },
    /// It answers.
    Fit(Box<Engine>),
}

/// An engine that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Engine {
    /// Its version.
    pub version: String,
    /// The newest version of the API that it speaks.
    pub api: String,
    /// It runs without root.
    pub rootless: bool,
    /// It runs in a virtual machine of a desktop.
    pub desktop: bool,
    /// It builds with BuildKit.
    pub has_buildkit: bool,
    /// Limits that cannot be kept: `memory`, `cpu`, `pids`.
    pub lacks: Vec<&'static str>,
    /// Where it keeps its data, when that is a folder of this machine.
    pub data: Option<PathBuf>,
}

impl Engine {
    /// Whether containers are reached at their own addresses, and not through published ports.
    #[must_use]
    pub fn has_reachable_addresses(&self) -> bool {
        !self.rootless && !self.desktop
    }
}

impl Connection {
    /// Looks at it.
    pub async fn survey(&self) -> Survey {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(metadata) = std::fs::metadata(self.socket()) else { return Survey::NoSocket };
        if rustix::fs::access(self.socket(), rustix::fs::Access::WRITE_OK | rustix::fs::Access::READ_OK)
            .is_err()
        {
            return Survey::Forbidden { group: Some(metadata.gid()).filter(|group| *group != 0) };
        }
        match tokio::time::timeout(PATIENCE, self.ask()).await {
            Err(_) => Survey::Silent { detail: format!("no answer within {} s", PATIENCE.as_secs()) },
            Ok(Ok(engine)) => Survey::Fit(Box::new(engine)),
            Ok(Err(error @ DockerError::TooOld { .. })) => Survey::TooOld { detail: error.to_string() },
            Ok(Err(error)) => Survey::Silent { detail: error.problem().message },
        }
    }

    async fn ask(&self) -> Result<Engine, DockerError> {
        let doing = "ask the Docker Engine what it is";
        let version = self.call(doing, |docker| async move { docker.version().await }).await?;
        let info = self.call(doing, |docker| async move { docker.info().await }).await?;
        let has_buildkit = !crate::image::is_switched_off(self).await.unwrap_or(true);
        Ok(Engine { has_buildkit, ..engine(version, info) })
    }
}

fn engine(version: SystemVersion, info: SystemInfo) -> Engine {
    let options = info.security_options.unwrap_or_default();
    let rootless = options.iter().any(|option| option.contains("name=rootless"));
    let desktop = info.operating_system.unwrap_or_default().contains("Docker Desktop");
    let limits = [("memory", info.memory_limit), ("cpu", info.cpu_cfs_quota), ("pids", info.pids_limit)];
    Engine {
        version: version.version.unwrap_or_default(),
        api: version.api_version.unwrap_or_default(),
        rootless,
        desktop,
        has_buildkit: false,
        lacks: limits.into_iter().filter(|(_, can)| *can == Some(false)).map(|(what, _)| what).collect(),
        data: info.docker_root_dir.map(PathBuf::from).filter(|_| !desktop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_told_by_what_it_says() {
        let version = SystemVersion {
            version: Some("20.10.24".to_owned()),
            api_version: Some("1.41".to_owned()),
            ..Default::default()
        };
        let info = SystemInfo {
            security_options: Some(vec![
                "name=seccomp,profile=default".to_owned(),
                "name=rootless".to_owned(),
            ]),
            pids_limit: Some(false),
            memory_limit: Some(true),
            docker_root_dir: Some("/var/lib/docker".to_owned()),
            ..Default::default()
        };
        let engine = engine(version, info);
        assert!(engine.rootless && !engine.desktop && !engine.has_reachable_addresses());
        assert_eq!(engine.lacks, ["pids"]);
        assert_eq!(engine.data, Some("/var/lib/docker".into()));
    }

    #[tokio::test]
    async fn what_is_not_there_and_what_is_silent_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        assert_eq!(Connection::new(&socket).survey().await, Survey::NoSocket);
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert!(matches!(Connection::new(&socket).survey().await, Survey::Silent { .. }));
    }
}
