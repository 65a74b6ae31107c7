//! The shop as a child process, and the little HTTP that these tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Nothing here waits longer than this.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A running shop; killed by its own handle when a test leaves it behind.
pub struct Shop {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Where it listens, from its own log line.
    pub address: String,
}

/// An answer, read to the end of its connection.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.env_clear().env("PORT", "0").envs(variables.iter().copied()).stdout(Stdio::piped());
    command
}

impl Shop {
    /// Starts it and waits for the line that says where it listens.
    pub fn start(variables: &[(&str, &str)]) -> Result<Self> {
        let mut child = command(variables).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?);
        let mut shop = Self { child, lines, address: String::new() };
        let line = shop.line_with("listening on ")?;
        shop.address = line.rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(shop)
    }

    /// The next line of its log that contains `text`.
    pub fn line_with(&mut self, text: &str) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                bail!("the log ended before a line with `{text}`");
            }
            if line.contains(text) {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, "")
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let mut stream = self.connect()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )?;
        answer(stream)
    }

    /// Tells it to stop, as a supervisor does.
    pub fn terminate(&self) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("no process")?;
        Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
    }

    pub fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a whole answer of a connection that the server closes after it.
pub fn answer(mut stream: TcpStream) -> Result<Answer> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no head in {text:?}"))?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
