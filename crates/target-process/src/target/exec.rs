//! A command beside a service's instances: a fresh process in the release's folder with the service's configuration and limits,
//! in a session of its own. It has no `PORT`, since that is an instance's.
//!
//! When its first process ends, whatever that left in its process group is killed; so it is when nobody wants it any more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bascule_engine::ports::{ExecControl, ExecOutput, ExecSession, ExecSpec, PortError, TerminalSize};
use bascule_instances::surroundings::Who;
use bascule_model::evidence::Exit;
use bascule_model::ids::InstanceId;
use futures_util::stream;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};

use crate::error::ProcessError;
use crate::hex;
use crate::instance::command::{self, Running};
use crate::instance::program;
use crate::instance::terminal::{self, Master};
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;
use crate::sys::cgroup;
use crate::sys::process::{self, Handle};

/// Pieces that wait to be read; more hold the command up.
const WAITING: usize = 16;
const PIECE: usize = 16 * 1024;

/// Starts it.
pub(super) async fn exec(shared: &Arc<Shared>, spec: &ExecSpec) -> Result<ExecSession, PortError> {
    let not_there = |what: String| ProcessError::NotThere { what, key: spec.slot.key.to_string() };
    let slot = shared
        .slot(&(spec.slot.key.clone(), spec.slot.release.clone()))
        .filter(|slot| slot.reference == spec.slot)
        .ok_or_else(|| not_there(format!("release {}", spec.slot.release)))?;
    let not_run = |error: std::io::Error| ProcessError::NotRun(error.to_string());
    let (master, terminal) = match spec.terminal.map(terminal::open).transpose().map_err(not_run)? {
        Some((master, terminal)) => (Some(master), Some(terminal)),
        None => (None, None),
    };
    let (starting, of) = (Arc::clone(shared), spec.clone());
    let (mut child, handle, groups) =
        blocking("a command", move || start(&starting, &slot, &of, terminal)).await?;
    let live = Arc::new(Live { handle: Mutex::new(Some(handle.clone())), end: watch::Sender::new(None) });
    let control = Control { live: Arc::clone(&live), master: master.clone() };
    tokio::spawn(see_its_end(live, handle, groups));
    let (sender, receiver) = mpsc::channel(WAITING);
    let input: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>> = match master {
        Some(master) => {
            tokio::spawn(read_terminal(master.clone(), sender));
            Box::pin(master)
        }
        None => {
            let missing = || ProcessError::NotRun("it has no pipes".to_owned());
            let stdin = child.stdin.take().ok_or_else(missing)?;
            let stdout = child.stdout.take().ok_or_else(missing)?;
            let stderr = child.stderr.take().ok_or_else(missing)?;
            let stdout = ChildStdout::from_std(stdout).map_err(not_run)?;
            let stderr = ChildStderr::from_std(stderr).map_err(not_run)?;
            tokio::spawn(read(stdout, sender.clone(), ExecOutput::Stdout));
            tokio::spawn(read(stderr, sender, ExecOutput::Stderr));
            Box::pin(ChildStdin::from_std(stdin).map_err(not_run)?)
        }
    };
    let output = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(ExecSession { input, output: Box::pin(output), control: Box::new(control) })
}

type Started = (std::process::Child, Handle, Vec<PathBuf>);

fn start(
    shared: &Shared,
    slot: &StandingSlot,
    spec: &ExecSpec,
    terminal: Option<std::fs::File>,
) -> Result<Started, ProcessError> {
    let service = slot.release.service(&spec.service).ok_or_else(|| ProcessError::NotThere {
        what: format!("service {}", spec.service),
        key: spec.slot.key.to_string(),
    })?;
    let mut chance = [0; 6];
    getrandom::fill(&mut chance).map_err(|_| ProcessError::Random)?;
    let first = InstanceId::new(&spec.slot.key, &spec.slot.release, &spec.service, 0);
    let base = first.as_str().trim_end_matches("-0");
    let id = InstanceId::from_text(format!("{base}-exec-{}", hex::encode(&chance)));
    let who = Who {
        key: &spec.slot.key,
        release: &spec.slot.release,
        slot: spec.slot.slot,
        instance: &id,
        state_id: &shared.state_id,
        port: None,
    };
    let no_values = BTreeMap::new();
    let values = slot.configuration(shared).map_err(ProcessError::NotRun)?;
    let mut environment =
        who.environment(&shared.environment, values.env.get(&spec.service).unwrap_or(&no_values));
    if spec.terminal.is_some() {
        // As in a container: programs that draw want to be told that they can.
        environment.entry("TERM".to_owned()).or_insert_with(|| "xterm".to_owned());
    }
    let name = spec.command.first().map_or("", String::as_str);
    let path = environment.get("PATH").map_or("", String::as_str);
    let program = program::find(name, &slot.working, path).map_err(ProcessError::NotRun)?;
    let groups = shared.groups.prepare(id.as_str(), &service.limits);
    let made = command::run(Running {
        working: &slot.working,
        program: &program,
        command: &spec.command,
        environment: &environment,
        groups: &groups,
        terminal,
    });
    match made {
        Ok((child, handle)) => Ok((child, handle, groups)),
        Err(error) => {
            groups.iter().for_each(|group| cgroup::remove(group));
            Err(ProcessError::NotRun(format!("{name}: {error}")))
        }
    }
}

/// A command that runs, or has run.
struct Live {
    /// None once its number may be another's.
    handle: Mutex<Option<Handle>>,
    end: watch::Sender<Option<Exit>>,
}

impl Live {
    /// Sends a signal to the whole process group. Nothing happens once it has ended.
    fn signal(&self, signal: Signal) {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = handle.as_ref().and_then(|handle| Pid::from_raw(handle.identity.pid)) {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

async fn see_its_end(live: Arc<Live>, handle: Handle, groups: Vec<PathBuf>) {
    let _ = handle.ended().await;
    // While nobody has asked how it ended, the number of its group is its own.
    live.signal(Signal::KILL);
    *live.handle.lock().unwrap_or_else(PoisonError::into_inner) = None;
    live.end.send_replace(Some(handle.reap()));
    groups.iter().for_each(|group| cgroup::remove(group));
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    to: mpsc::Sender<ExecOutput>,
    kind: fn(Vec<u8>) -> ExecOutput,
) {
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.send(kind(buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn read_terminal(master: Master, to: mpsc::Sender<ExecOutput>) {
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = master.read(&mut buffer).await {
        if to.send(ExecOutput::Stdout(buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}

struct Control {
    live: Arc<Live>,
    master: Option<Master>,
}

#[async_trait]
impl ExecControl for Control {
    async fn resize(&self, size: TerminalSize) -> Result<(), PortError> {
        if let Some(master) = &self.master {
            // A command that has just ended has no terminal any more.
            let _ = master.resize(size);
        }
        Ok(())
    }

    async fn signal(&self, signal: i32) -> Result<(), PortError> {
        self.live.signal(process::signal(signal));
        Ok(())
    }

    async fn wait(&self) -> Result<Exit, PortError> {
        let mut end = self.live.end.subscribe();
        let exit = end.wait_for(Option::is_some).await;
        Ok(exit.ok().and_then(|exit| exit.clone()).unwrap_or(Exit::Unknown))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.live.signal(Signal::KILL);
    }
}
