//! The way to the control plane of a state folder; it is started when nobody answers, which is said once.
//!
//! A control plane that was killed is started again and the call is made again where that cannot do harm.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bascule_model::problem::{Code, Problem};
use bascule_server::api::{Hello, INTERFACE};
use bascule_server::client::{Client, SOCKET};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::context::Context;
use crate::secrets::KEY_VARIABLES;

/// How long a started control plane may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// After what time another one is started where the lock was taken and nobody answers.
const AGAIN: Duration = Duration::from_millis(200);
/// What the control plane writes when it runs in the background, in the state folder.
pub const LOG: &str = "serve.log";
/// A larger log is put aside at the next start, bytes.
const LOG_LIMIT: u64 = 4 << 20;
/// The longest path that a unix socket can have on Linux, bytes.
const SOCKET_PATH_MAX: usize = 107;

/// A control plane that answered.
#[derive(Debug)]
pub struct ControlPlane<'a> {
    context: &'a Context,
    state: PathBuf,
    client: Client,
}

impl<'a> ControlPlane<'a> {
    /// Finds it, or starts it.
    ///
    /// # Errors
    /// Why it could not be started.
    pub async fn reach(context: &'a Context) -> Result<Self, Problem> {
        let state = context.state()?;
        prepare(&state)?;
        let this = Self { context, client: Client::new(&state), state };
        this.ensure().await?;
        Ok(this)
    }

    /// Starts it again if nobody answers any more.
    ///
    /// # Errors
    /// Why it could not be started.
    pub async fn ensure(&self) -> Result<(), Problem> {
        if self.client.hello().await.is_some() {
            return Ok(());
        }
        if let Ok(hello) = self.client.get::<Hello>("/v1/hello").await
            && hello.interface != INTERFACE
        {
            return Err(Problem::new(
                Code::ControlPlaneUnavailable,
                format!(
                    "the control plane (pid {}) is of version {}, which speaks another language",
                    hello.pid, hello.version
                ),
                format!(
                    "end it with `kill {}` and try again: traffic and instances go on without it",
                    hello.pid
                ),
            ));
        }
        self.start().await
    }

    async fn start(&self) -> Result<(), Problem> {
        let log = self.state.join(LOG);
        let (mut child, mut from) = spawn(self.context, &self.state, &log)?;
        let began = Instant::now();
        let mut pause = Duration::from_millis(2);
        let mut refusal = None;
        loop {
            if let Some(hello) = self.client.hello().await {
                if hello.pid == child.id() {
                    self.context.screen.note(&format!("started the control plane (pid {})", hello.pid));
                }
                return Ok(());
            }
            if child.try_wait().ok().flatten().is_some() {
                let problem = last_words(&log, from);
                if problem.code != Code::ControlPlaneUnavailable {
                    return Err(problem);
                }
                refusal = Some(problem);
                // Another one has the lock. Either it was quicker, and will answer soon; or it was killed a moment ago, and the
                // kernel has not yet taken the lock from it.
                tokio::time::sleep(AGAIN).await;
                if self.client.hello().await.is_none() {
                    (child, from) = spawn(self.context, &self.state, &log)?;
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(refusal.unwrap_or_else(|| silent(&child, &log)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// The client, for what has no way of its own here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// GETs one object; once more when the control plane died meanwhile.
    ///
    /// # Errors
    /// The control plane's problem.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        match self.client.get(path).await {
            Err(problem) if problem.code == Code::ControlPlaneUnavailable => {
                self.ensure().await?;
                self.client.get(path).await
            }
            answer => answer,
        }
    }
}

/// Makes the state folder (mode 0700), since the log of the control plane's start goes there.
fn prepare(state: &Path) -> Result<(), Problem> {
    if state.join(SOCKET).as_os_str().as_bytes().len() > SOCKET_PATH_MAX {
        return Err(Problem::new(
            Code::StateUnusable,
            format!(
                "the path of the state folder {} is too long: a socket's whole path has at most {SOCKET_PATH_MAX} bytes",
                state.display()
            ),
            "name a shorter one with --state DIR or BASCULE_STATE",
        ));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(|error| unusable(state, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Problem::new(
            Code::DiskFull,
            format!("the state folder cannot be written ({}): there is no room on its disk", path.display()),
            "make room, then try again; what runs goes on running",
        ),
        _ => Problem::new(
            Code::StateUnusable,
            format!("the state folder cannot be used ({}): {error}", path.display()),
            "make it writable for this user, or name another one with --state DIR or BASCULE_STATE",
        ),
    }
}

/// Starts `bascule serve` in a session of its own. Answers where its words begin in the log.
fn spawn(context: &Context, state: &Path, log: &Path) -> Result<(Child, u64), Problem> {
    let too_long = std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > LOG_LIMIT);
    if too_long {
        let _ = std::fs::rename(log, log.with_extension("log.1"));
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log)
        .map_err(|error| unusable(log, &error))?;
    let from = file.metadata().map_or(0, |metadata| metadata.len());
    let copy = file.try_clone().map_err(|error| unusable(log, &error))?;
    let program = context.machine.program()?;
    let mut command = Command::new(&program);
    // Nobody there needs the key of the secrets.
    KEY_VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    let child = command
        .args(["serve", "--background", "--output", "json", "--state"])
        .arg(state)
        .current_dir(state)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy)
        .spawn()
        .map_err(|error| {
            Problem::new(
                Code::ControlPlaneUnavailable,
                format!("starting the control plane ({} serve): {error}", program.display()),
                "run `bascule doctor`; it says what is missing on this machine",
            )
        })?;
    Ok((child, from))
}

/// What a control plane that ended wrote: the problem it named, or its last lines.
fn last_words(log: &Path, from: u64) -> Problem {
    let text = written_since(log, from);
    let named = text.lines().rev().find_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        serde_json::from_value(value.get("error")?.clone()).ok()
    });
    named.unwrap_or_else(|| {
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(5)..].join("\n");
        Problem::new(
            Code::ControlPlaneUnavailable,
            format!("the control plane ended while it started:\n{tail}"),
            "`bascule serve` in a terminal shows more",
        )
    })
}

fn written_since(log: &Path, from: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(64 << 10).read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

fn silent(child: &Child, log: &Path) -> Problem {
    Problem::new(
        Code::ControlPlaneUnavailable,
        format!(
            "the control plane (pid {}) was started and does not answer after {} s",
            child.id(),
            PATIENCE.as_secs()
        ),
        format!("read {}, then try again", log.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_control_plane_that_ended_are_its_problem() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join(LOG);
        let old =
            "{\"type\":\"error\",\"error\":{\"code\":\"DISK_FULL\",\"message\":\"old\",\"remedy\":\"r\"}}\n";
        let new = "noise\n{\"type\":\"error\",\"error\":{\"code\":\"JOURNAL_CORRUPT\",\"message\":\"m\",\"remedy\":\"r\"}}\n";
        std::fs::write(&log, format!("{old}{new}")).unwrap();
        assert_eq!(last_words(&log, old.len() as u64).code, Code::JournalCorrupt);
        std::fs::write(&log, "one\ntwo\n").unwrap();
        let problem = last_words(&log, 0);
        assert_eq!(problem.code, Code::ControlPlaneUnavailable);
        assert!(problem.message.ends_with("one\ntwo"), "{}", problem.message);
    }
}
