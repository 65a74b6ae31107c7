//! One small request over a plain socket, and waiting for the first that is answered well.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const LIMIT: Duration = Duration::from_secs(10);

pub fn wait(target: SocketAddr) -> Result<()> {
    let start = Instant::now();
    while ask(target, "/").is_err() {
        if start.elapsed() > LIMIT {
            bail!("{target} gave no good answer within {} s", LIMIT.as_secs());
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// One request on a connection of its own.
pub fn ask(target: SocketAddr, path: &str) -> Result<Option<String>> {
    let stream = TcpStream::connect(target)?;
    stream.set_read_timeout(Some(LIMIT))?;
    request(&stream, path)
}

/// Asks for a path and reads the whole answer; gives its `x-shop-version`. The connection stays usable.
pub fn request(mut stream: &TcpStream, path: &str) -> Result<Option<String>> {
    // In one write: pieces would wait for each other.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        bail!("answered {line:?}");
    }
    let mut length = None;
    let mut version = None;
    loop {
        line.clear();
        answer.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.parse::<u64>()?),
            "x-shop-version" => version = Some(value.to_owned()),
            _ => {}
        }
    }
    let length = length.context("the answer has no length")?;
    let read = std::io::copy(&mut answer.take(length), &mut std::io::sink())?;
    if read < length {
        bail!("the answer was cut after {read} of {length} bytes");
    }
    Ok(version)
}
