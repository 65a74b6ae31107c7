//! A secret on the standard output of a command.
//!
//! The command is a process group of its own and gets no standard input. It has a time; when that is over, or it has ended,
//! the whole group is killed, so that nothing of it stays. What it writes is bounded, and never shown: of its standard error
//! the end is, without whatever it wrote on standard output and without words that look like a secret.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::ProviderError;
use super::file::text;
use crate::SecretValue;
use crate::redact::Redactor;
use crate::store::LONGEST;

/// How long a command may take where nobody says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of standard error is kept, in bytes.
const ERRORS: usize = 16 * 1024;
/// How much of it is shown, in characters.
const SHOWN: usize = 400;

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Run by `sh -c`.
    Shell(&'a str),
    /// Program and arguments.
    Program(&'a [String]),
}

/// What it writes on standard output, without the line break at its end.
///
/// # Errors
/// When it cannot be started, takes longer than `timeout`, does not end with 0, or does not write a text of at most
/// 128 KiB.
pub fn run(
    name: &str,
    line: Line<'_>,
    folder: &Path,
    timeout: Duration,
) -> Result<SecretValue, ProviderError> {
    let failed = |how: String, said: String| ProviderError::Command { name: name.to_owned(), how, said };
    let mut command = match line {
        Line::Shell(text) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(text);
            command
        }
        Line::Program(words) => {
            let Some((program, arguments)) = words.split_first() else {
                return Err(failed("is empty".to_owned(), String::new()));
            };
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
    };
    // Whoever gives one secret out need not be able to open all others.
    command.env_remove("BASCULE_KEY");
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).spawn();
    let mut group =
        Group::of(child.map_err(|error| failed(format!("could not be started: {error}"), String::new()))?);
    let ends = Instant::now() + timeout;
    let output = reader(group.child.stdout.take(), LONGEST + 2);
    let errors = reader(group.child.stderr.take(), ERRORS);
    // Standard output ends with the command, or with the last of those that it started: then it is over in any case.
    let written = match output.recv_timeout(timeout) {
        Ok(written) => written,
        Err(_) => return Err(ProviderError::Slow { name: name.to_owned(), after: timeout }),
    };
    let Some(status) = group.wait(ends) else {
        return Err(ProviderError::Slow { name: name.to_owned(), after: timeout });
    };
    drop(group);
    let value = text(&written);
    if !status.success() {
        // Who was killed with the group lets go of the pipe; one that left the group may keep it.
        let errors = errors.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        return Err(failed(ended(status), said(&errors, name, value.as_ref())));
    }
    value.ok_or_else(|| failed("did not write a text of at most 128 KiB".to_owned(), String::new()))
}

/// Reads up to a bound, and the rest into nothing, so that nobody waits for a full pipe.
fn reader(pipe: Option<impl Read + Send + 'static>, most: usize) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut kept = Zeroizing::new(Vec::with_capacity(4096));
        if let Some(mut pipe) = pipe {
            // A pipe that breaks is at its end.
            let _ = (&mut pipe).take(most as u64).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        // Nobody waits any more when the time was over.
        let _ = sender.send(kept);
    });
    receiver
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "did not end with 0".to_owned(),
    }
}

/// The end of what a command said on standard error, on one line.
fn said(errors: &[u8], name: &str, value: Option<&SecretValue>) -> String {
    let redactor = Redactor::new(value.map(|value| (name, value)));
    let text = String::from_utf8_lossy(errors);
    let text = redactor.text(&text);
    let text = without_what_may_be_one(&text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines.join("; ");
    let skipped = text.chars().count().saturating_sub(SHOWN);
    let text: String = text.chars().skip(skipped).filter(|c| !c.is_control()).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// A command that failed may have written a secret that it did not get to give: words of letters and digits are left out.
fn without_what_may_be_one(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "-_+/.~%$!@#^&*:".contains(c);
    let may_be_one = |word: &str| {
        word.len() >= 8 && word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic)
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |length| start + length);
        out.push_str(&rest[..start]);
        out.push_str(if may_be_one(&rest[start..end]) { "***" } else { &rest[start..end] });
        rest = &rest[end..];
    }
    out + rest
}

/// A command and whatever it started; killed when it goes out of use.
struct Group {
    child: Child,
    id: Option<Pid>,
    has_ended: Option<ExitStatus>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Self { child, id, has_ended: None }
    }

    /// How it ended; none when it has not by then.
    fn wait(&mut self, ends: Instant) -> Option<ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.has_ended = Some(status);
                return Some(status);
            }
            if Instant::now() >= ends {
                return None;
            }
            // Its output is closed: it ends within moments, or not at all.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // While the leader is not waited for, or any of its group is there, the number is nobody else's.
            let _ = kill_process_group(id, Signal::KILL);
        }
        if self.has_ended.is_none() {
            let _ = self.child.wait();
        }
    }
}
