//! Runs a build command: `sh -c` in the project's folder, in a session of its own, its output in a log file.
//!
//! Whoever gives up waiting ends the whole process group.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal};
use tokio::process::Command;

use crate::error::{ProcessError, file};
use crate::logs::read::last_lines_of_file;
use crate::state::durable;

/// How many lines of its output a failed build tells.
const TAIL: usize = 20;

/// Runs it to its end.
pub(super) async fn build(
    command: &str,
    project: &Path,
    environment: &BTreeMap<String, String>,
    log: &Path,
) -> Result<(), ProcessError> {
    let (mut child, group) = spawn(command, project, environment, log)?;
    let status = child
        .wait()
        .await
        .map_err(|source| ProcessError::BuildNotRun { project: project.to_owned(), source })?;
    group.forget();
    if status.success() {
        return Ok(());
    }
    let tail = last_lines_of_file(log, TAIL)?.join("\n");
    Err(ProcessError::BuildFailed { status: describe(status), tail, log: log.to_owned() })
}

fn spawn(
    command: &str,
    project: &Path,
    environment: &BTreeMap<String, String>,
    log: &Path,
) -> Result<(tokio::process::Child, Group), ProcessError> {
    if let Some(folder) = log.parent() {
        durable::make_folder(folder)?;
    }
    let output = OpenOptions::new().create(true).append(true).open(log).map_err(file("write", log))?;
    let errors = output.try_clone().map_err(file("write", log))?;
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
    let child =
        shell.spawn().map_err(|source| ProcessError::BuildNotRun { project: project.to_owned(), source })?;
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
