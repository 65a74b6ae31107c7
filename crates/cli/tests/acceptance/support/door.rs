//! What a client sees: one request on a connection of its own.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: BTreeMap<String, String>,
    /// The body, as it came.
    pub body: String,
}

impl Answer {
    /// A header; empty when it is not there. Names are lower-case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The release that answered, the shop's or the register's; empty when none did.
    pub fn release(&self) -> &str {
        let shop = self.header("x-shop-release");
        if shop.is_empty() { self.header("x-release") } else { shop }
    }
}

/// GETs a path.
pub fn get(address: SocketAddr, host: &str, path: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    ask(&mut stream, host, path)
}

/// Sends JSON to a path.
pub fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    exchange(&mut stream, &head, &format!("{method} {path}"))
}

/// GETs a path on a connection that is open, to its end.
pub fn ask(stream: &mut TcpStream, host: &str, path: &str) -> io::Result<Answer> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(stream, &head, &format!("GET {path}"))
}

fn exchange(stream: &mut TcpStream, request: &str, what: &str) -> io::Result<Answer> {
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        // Whatever goes on, a client is answered or let go.
        let left_alone = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        assert!(!left_alone, "{what} was left without an answer for {ANSWER:?}");
        return Err(error);
    }
    read(&String::from_utf8_lossy(&bytes)).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer { status, headers, body: body.to_owned() })
}
