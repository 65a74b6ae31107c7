//! Many open connections: each has served one request and is kept until this program is ended.

use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result};

use crate::{answers, say};

pub fn hold(target: SocketAddr, count: usize) -> Result<()> {
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let stream = TcpStream::connect(target).with_context(|| format!("connection {number}"))?;
        answers::request(&stream, "/").with_context(|| format!("on connection {number}"))?;
        open.push(stream);
    }
    // Once more on all of them: none was closed meanwhile.
    for (number, stream) in open.iter().enumerate() {
        answers::request(stream, "/").with_context(|| format!("again on connection {number}"))?;
    }
    say("open", open.len())?;
    loop {
        std::thread::park();
    }
}
