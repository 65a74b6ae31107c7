//! A check that is a program of the user's own.
//!
//! It runs in a process group of its own with the variables it is given and no others; whatever it started is gone when it has ended,
//! took too long, or is no longer waited for.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bascule_model::release::Expect;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use crate::excerpt::last_lines;
use crate::expectation::unmet;
use crate::mask::Mask;
use crate::request::{Rest, Seconds};

/// How much of the output is kept, in bytes: its end.
const OUTPUT: usize = 1024 * 1024;
/// How many lines of it are shown when it fails.
const LINES: usize = 5;
/// Where programs are looked for when the check's variables do not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(crate) struct Program<'a> {
    pub arguments: Vec<String>,
    pub env: &'a BTreeMap<String, String>,
    pub folder: Option<&'a Path>,
    pub timeout: Duration,
}

/// Kills the process group unless that was done; the leader is not reaped before, so that the id is still the group's.
struct Group(Option<Pid>);

impl Group {
    fn end(&mut self) {
        if let Some(leader) = self.0.take() {
            // Nobody left in it is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// The end of what was written.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    dropped: usize,
}

impl Output {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * OUTPUT {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let extra = self.bytes.len().saturating_sub(OUTPUT);
        if extra > 0 {
            // From a whole line on: half of a value would not be recognised as one.
            let line = self.bytes[extra..].iter().position(|byte| *byte == b'\n').map_or(OUTPUT, |at| at + 1);
            self.bytes.drain(..extra + line);
            self.dropped += extra + line;
        }
    }
}

impl Program<'_> {
    /// Runs it to its end. Exit status 0 and an output as expected are a pass.
    pub(crate) async fn run(self, expect: &Expect) -> Result<String, String> {
        let mask =
            Mask::new(self.env.iter().filter(|(name, _)| is_private(name)).map(|(_, value)| value.clone()));
        let Some(program) = self.arguments.first() else {
            return Err("the check names no program".to_owned());
        };
        let not_started =
            |error: std::io::Error| mask.apply(&format!("{program:?} could not be started: {error}"));
        let (status, output) = self.carry_out(program).await.map_err(not_started)?;
        let mut wrong = match status {
            None => vec![format!("timed out after {}", Seconds(self.timeout))],
            Some(status) if status.success() => Vec::new(),
            Some(status) => vec![in_words(status)],
        };
        if wrong.is_empty() {
            let rest = if output.dropped > 0 { Rest::LeftUnread } else { Rest::Nothing };
            wrong = unmet(expect, "its output", &output.bytes, rest);
        }
        if wrong.is_empty() {
            return Ok("exit status 0".to_owned());
        }
        let mut detail = mask.apply(&wrong.join("; "));
        let lines = last_lines(&mask.apply(&String::from_utf8_lossy(&output.bytes)), LINES);
        if !lines.is_empty() {
            detail.push_str("; its last lines:\n");
            detail.push_str(&lines.join("\n"));
        }
        Err(detail)
    }

    /// How it ended (none: not in time), and what it wrote.
    async fn carry_out(&self, program: &str) -> std::io::Result<(Option<ExitStatus>, Output)> {
        // One pipe for both, so that lines stay in the order in which they were written.
        let (reader, writer) = std::io::pipe()?;
        let mut reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let mut command = Command::new(program);
        command.args(&self.arguments[1..]).env_clear().env("PATH", PATH).envs(self.env);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn()?;
        // It holds the writing end.
        drop(command);
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut group = Group(leader);
        let leader = leader.ok_or_else(|| std::io::Error::other("it has no process id"))?;
        let descriptor = pidfd_open(leader, PidfdFlags::empty())?;
        // SAFETY: the descriptor is open and owned by the `AsyncFd` from here on; nothing replaces or closes it before.
        let ended = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE)? };

        let deadline = Instant::now() + self.timeout;
        let mut output = Output::default();
        let in_time = timeout_at(deadline, until_ended(&ended, &mut reader, &mut output)).await;
        group.end();
        let status = child.wait().await?;
        if let Ok(Err(error)) = &in_time {
            return Err(error.kind().into());
        }
        // What is in the pipe still; who left the group may keep it open.
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = reader.try_read(&mut buffer) {
            output.add(&buffer[..length]);
            if output.dropped > 64 * OUTPUT {
                break;
            }
        }
        output.shorten();
        Ok((in_time.is_ok().then_some(status), output))
    }
}

/// Reads until the leader has ended.
async fn until_ended(
    ended: &AsyncFd<OwnedFd>,
    reader: &mut pipe::Receiver,
    output: &mut Output,
) -> std::io::Result<()> {
    let mut buffer = [0; 8192];
    let mut is_open = true;
    loop {
        tokio::select! {
            ready = ended.readable() => return ready.map(|_| ()),
            length = reader.read(&mut buffer), if is_open => {
                let length = length?;
                is_open = length > 0;
                output.add(&buffer[..length]);
            }
        }
    }
}

/// What Bascule tells every instance is no secret, nor is where programs are.
fn is_private(name: &str) -> bool {
    !name.starts_with("BASCULE_") && !matches!(name, "PORT" | "PATH" | "HOME" | "LANG" | "TZ")
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
