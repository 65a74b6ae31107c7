//! A command beside a service's instances: a fresh process in the release's folder with the service's configuration and limits,
//! in a session of its own. It has no `PORT`, since that is an instance's.
//!
//! When its first process ends, whatever that left in its process group is killed (of a task that was told to end, when its grace is over); so it is when nobody wants it any more. When the
//! control plane dies, the kernel kills the first process, and the next control plane whatever else carries the mark.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bascule_engine::ports::{ExecControl, ExecOutput, ExecSession, ExecSpec, PortError, TerminalSize};
use bascule_instances::surroundings::Who;
use bascule_model::evidence::Exit;
use bascule_model::ids::{EnvironmentKey, InstanceId, TaskName};
use futures_util::stream;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::ProcessError;
use crate::hex;
use crate::instance::command::{self, Running};
use crate::instance::terminal::{self, Master};
use crate::instance::{environment, program};
use crate::shared::Shared;
use crate::slot::StandingSlot;
use crate::supervise::leftovers::KILL_PATIENCE;
use crate::sys::cgroup;
use crate::sys::members::{self, Wanted};
use crate::sys::process::{self, Handle};

/// Pieces that wait to be read; more hold the command up.
const WAITING: usize = 16;
const PIECE: usize = 16 * 1024;
/// The variable by which commands are known; its value tells the state folder from others.
const MARK: &str = "BASCULE_EXEC";
/// The variable by which those of a task are known.
const TASK_MARK: &str = "BASCULE_TASK";
/// So long what a task has begun may take to end when it is told to, after the task's own end.
const GRACE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// Starts it.
pub(super) async fn exec(shared: &Arc<Shared>, spec: &ExecSpec) -> Result<ExecSession, PortError> {
    let not_there = |what: String| ProcessError::NotThere { what, key: spec.slot.key.to_string() };
    let slot = shared
        .slot(&(spec.slot.key.clone(), spec.slot.release.clone()))
        .filter(|slot| slot.reference == spec.slot)
        .ok_or_else(|| not_there(format!("release {}", spec.slot.release)))?;
    begin(shared, slot, spec, None).await
}

/// Starts it beside what stands in a slot, or is to stand there.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    slot: Arc<StandingSlot>,
    spec: &ExecSpec,
    task: Option<String>,
) -> Result<ExecSession, PortError> {
    let not_run = |error: std::io::Error| ProcessError::NotRun(error.to_string());
    let (master, terminal) = match spec.terminal.map(terminal::open).transpose().map_err(not_run)? {
        Some((master, terminal)) => (Some(master), Some(terminal)),
        None => (None, None),
    };
    let (starting, of) = (Arc::clone(shared), spec.clone());
    let (mut child, handle, own) = alone(move || start(&starting, &slot, &of, (terminal, task))).await?;
    let live = Arc::new(Live {
        handle: Mutex::new(Some(handle.clone())),
        is_told: AtomicBool::new(false),
        end: watch::Sender::new(None),
    });
    let control = Control { live: Arc::clone(&live), master: master.clone() };
    tokio::spawn(see_its_end(live, handle, own));
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

/// Starts a command on a thread of its own, which is there for as long as the command: the kernel kills the command with the thread
/// that made it, and those of a pool come and go.
async fn alone(
    start: impl FnOnce() -> Result<Started, ProcessError> + Send + 'static,
) -> Result<Started, ProcessError> {
    let lost = || ProcessError::Lost { what: "a command" };
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("command".to_owned()).spawn(move || {
        let started = start();
        let handle = started.as_ref().ok().map(|(_, handle, _)| handle.clone());
        let is_wanted = tell.send(started).is_ok();
        if let Some(handle) = handle {
            if !is_wanted {
                let _ = handle.signal(Signal::KILL);
            }
            handle.wait();
        }
    });
    thread.map_err(|error| ProcessError::NotRun(error.to_string()))?;
    told.await.map_err(|_| lost())?
}

/// Kills what commands of a control plane that is dead have left. Nobody runs a command yet. Blocks.
pub(super) fn end_orphans(shared: &Shared) {
    end_marked(format!("{MARK}={}", shared.state_id));
}

/// What processes of a task carry; of all tasks of an environment, what it begins with.
pub(super) fn task_mark(shared: &Shared, key: &EnvironmentKey, task: &TaskName) -> String {
    format!("{TASK_MARK}={}/{key}/{task}", shared.state_id)
}

/// Kills whatever carries the mark. Blocks until it is gone.
pub(super) fn end_marked(mark: String) {
    let wanted = [Wanted { leader: None, marks: vec![mark], groups: Vec::new() }];
    let begun = Instant::now();
    loop {
        let left = members::find(&wanted).pop().unwrap_or_default();
        // What is still there after that cannot be killed: it is no reason to leave the instances unwatched.
        if left.is_empty() || begun.elapsed() > KILL_PATIENCE {
            return;
        }
        members::signal(&left, Signal::KILL);
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What was made for a command beside its process; removed when it is dropped.
struct Own {
    shared: Arc<Shared>,
    id: InstanceId,
    groups: Vec<PathBuf>,
    /// What processes of a task carry.
    mark: Option<String>,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.groups.iter().for_each(|group| cgroup::remove(group));
        self.shared.secret_files.forget(self.id.as_str());
    }
}

type Started = (std::process::Child, Handle, Own);

fn start(
    shared: &Arc<Shared>,
    slot: &StandingSlot,
    spec: &ExecSpec,
    (terminal, task): (Option<std::fs::File>, Option<String>),
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
    let mut own = Own { shared: Arc::clone(shared), id: id.clone(), groups: Vec::new(), mark: task };
    let who = Who {
        key: &spec.slot.key,
        release: &spec.slot.release,
        slot: spec.slot.slot,
        instance: &id,
        state_id: &shared.state_id,
        port: None,
    };
    let values = slot.configuration(shared).map_err(ProcessError::NotRun)?;
    let mut environment = environment::environment(shared, &who, service, values)?;
    if spec.terminal.is_some() {
        // As in a container: programs that draw want to be told that they can.
        environment.entry("TERM".to_owned()).or_insert_with(|| "xterm".to_owned());
    }
    environment.insert(MARK.to_owned(), shared.state_id.clone());
    if let Some((name, value)) = own.mark.as_deref().and_then(|mark| mark.split_once('=')) {
        environment.insert(name.to_owned(), value.to_owned());
    }
    let name = spec.command.first().map_or("", String::as_str);
    let path = environment.get("PATH").map_or("", String::as_str);
    let program = program::find(name, &slot.working, path).map_err(ProcessError::NotRun)?;
    own.groups = shared.groups.prepare(id.as_str(), &service.limits);
    let made = command::run(Running {
        working: &slot.working,
        program: &program,
        command: &spec.command,
        environment: &environment,
        groups: &own.groups,
        terminal,
    });
    let (child, handle) = made.map_err(|error| ProcessError::NotRun(format!("{name}: {error}")))?;
    Ok((child, handle, own))
}

/// A command that runs, or has run.
struct Live {
    /// None once its number may be another's.
    handle: Mutex<Option<Handle>>,
    /// Somebody has sent it a signal.
    is_told: AtomicBool,
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

async fn see_its_end(live: Arc<Live>, handle: Handle, own: Own) {
    let _ = handle.ended().await;
    if let Some(mark) = own.mark.clone().filter(|_| live.is_told.load(Ordering::Relaxed)) {
        // A shell ends at once, and what it runs has something to put in order.
        let _ = tokio::task::spawn_blocking(move || wait_for_marked(&mark)).await;
    }
    // While nobody has asked how it ended, the number of its group is its own.
    live.signal(Signal::KILL);
    *live.handle.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let exit = handle.reap();
    drop(own);
    live.end.send_replace(Some(exit));
}

/// Waits for what carries the mark to end by itself. Blocks.
fn wait_for_marked(mark: &str) {
    let wanted = [Wanted { leader: None, marks: vec![mark.to_owned()], groups: Vec::new() }];
    let begun = Instant::now();
    while begun.elapsed() < GRACE && members::find(&wanted).iter().any(|found| !found.is_empty()) {
        std::thread::sleep(LOOK);
    }
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
        self.live.is_told.store(true, Ordering::Relaxed);
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
