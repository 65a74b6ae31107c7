//! Runs a build command: `sh -c` in the project's folder, in a session of its own, its output without secrets in a log file.
//!
//! Whoever gives up waiting ends the whole process group.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use bascule_secrets::redact::{Redactor, Stream};
use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use crate::error::{ProcessError, file};
use crate::logs::read::last_lines_of_file;
use crate::state::durable;

/// How many lines of its output a failed build tells.
const TAIL: usize = 20;
/// So much of its output is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Runs it to its end.
pub(super) async fn build(
    command: &str,
    project: &Path,
    environment: &BTreeMap<String, String>,
    log: &Path,
    redactor: &Redactor,
) -> Result<(), ProcessError> {
    let not_run = |source| ProcessError::BuildNotRun { project: project.to_owned(), source };
    let mut kept = Kept::open(log, redactor)?;
    let (reader, writer) = io::pipe().map_err(not_run)?;
    let mut output = Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(not_run)?;
    let (mut child, group) = spawn(command, project, environment, writer.into()).map_err(not_run)?;
    let status = follow(&mut child, &mut output, &mut kept).await?.map_err(not_run)?;
    group.forget();
    if kept.rest(&output)? == Left::Open {
        // Something that the build left behind (a daemon, say) still has the other end: it must not end for want of a reader.
        tokio::spawn(async move { while let Ok(Left::Open) = kept.more(&mut output).await {} });
    }
    if status.success() {
        return Ok(());
    }
    let tail = last_lines_of_file(log, TAIL)?.join("\n");
    Err(ProcessError::BuildFailed { status: describe(status), tail, log: log.to_owned() })
}

/// Keeps what the build writes until its shell has ended. How that ended, or that it cannot be known.
async fn follow(
    child: &mut Child,
    output: &mut Receiver,
    kept: &mut Kept,
) -> Result<io::Result<ExitStatus>, ProcessError> {
    let mut left = Left::Open;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status),
            more = kept.more(output), if left == Left::Open => left = more?,
        }
    }
}

/// Whether more output may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Open,
    Nothing,
}

/// The log of a build.
struct Kept {
    log: File,
    path: PathBuf,
    stream: Stream,
    buffer: Box<[u8]>,
}

impl Kept {
    fn open(path: &Path, redactor: &Redactor) -> Result<Self, ProcessError> {
        if let Some(folder) = path.parent() {
            durable::make_folder(folder)?;
        }
        let log = OpenOptions::new().create(true).append(true).open(path).map_err(file("write", path))?;
        let buffer = vec![0; PIECE].into_boxed_slice();
        Ok(Self { log, path: path.to_owned(), stream: redactor.stream(), buffer })
    }

    /// Waits for more, and keeps it.
    async fn more(&mut self, output: &mut Receiver) -> Result<Left, ProcessError> {
        match output.read(&mut self.buffer).await {
            Ok(length @ 1..) => self.keep(length).map(|()| Left::Open),
            Ok(0) | Err(_) => Ok(Left::Nothing),
        }
    }

    /// Keeps everything that was written until now, to its last byte.
    fn rest(&mut self, output: &Receiver) -> Result<Left, ProcessError> {
        let left = loop {
            match output.try_read(&mut self.buffer) {
                Ok(length @ 1..) => self.keep(length)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Left::Open,
                Ok(0) | Err(_) => break Left::Nothing,
            }
        };
        let mut sure = Vec::new();
        self.stream.flush(&mut sure);
        self.log.write_all(&sure).map_err(file("write", &self.path))?;
        Ok(left)
    }

    fn keep(&mut self, length: usize) -> Result<(), ProcessError> {
        let mut sure = Vec::with_capacity(length);
        self.stream.push(&self.buffer[..length], &mut sure);
        self.log.write_all(&sure).map_err(file("write", &self.path))
    }
}

fn spawn(
    command: &str,
    project: &Path,
    environment: &BTreeMap<String, String>,
    output: OwnedFd,
) -> io::Result<(Child, Group)> {
    let errors = output.try_clone()?;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(project)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    // SAFETY: setsid is async-signal-safe, and nothing else happens between fork and exec.
    unsafe {
        shell.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
    }
    let child = shell.spawn()?;
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok((child, Group { leader }))
}

/// The process group of a build, killed on drop. It must be dropped before its leader is awaited: until then the kernel gives
/// the leader's number to nobody else.
struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn forget(mut self) {
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // It may have ended by itself in this moment.
            let _ = rustix::process::kill_process_group(leader, Signal::KILL);
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}
