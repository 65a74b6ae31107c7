//! The head of a usual request, rewritten as an instance gets it, in one pass over the bytes.
//!
//! The bytes have passed the strict reading (`http/framing.rs`) as one whole message, body included. Whatever is not entirely
//! plain is left to the HTTP library: being usual is a matter of speed, never of what is let through.

use super::super::head::first_control;
use super::super::headers::{is_provenance, is_sane_request_id};
use super::super::host::is_authority;
use super::super::retry::is_idempotent;
use super::ConnectionEnd;
use crate::upstream::claim::Repeatable;
use crate::upstream::response::Asked;

/// The most fields of a usual request; the library has a limit of its own for more.
const FIELDS_AT_MOST: usize = 64;

/// What has to be known of a usual request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usual<'bytes> {
    /// The target without its query.
    pub(crate) path: &'bytes str,
    pub(crate) host: &'bytes [u8],
    /// The client's own, if it may be kept.
    pub(crate) request_id: Option<&'bytes [u8]>,
    pub(crate) asked: Asked,
    pub(crate) repeatable: Repeatable,
    /// What the client wants to do with the connection.
    pub(crate) end: ConnectionEnd,
    /// What came behind the head.
    pub(crate) body: &'bytes [u8],
}

/// Reads a message, and writes its head into `head` but for its end and the lines of the edge's own. `None`: it is not usual,
/// and what is in `head` is of no use.
pub(crate) fn read<'bytes>(message: &'bytes [u8], head: &mut Vec<u8>) -> Option<Usual<'bytes>> {
    let (line, mut rest) = next_line(message)?;
    let line = line.strip_suffix(b" HTTP/1.1")?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (method, target) = (&line[..space], &line[space + 1..]);
    let path = path_of(target)?;
    if method == b"CONNECT" {
        return None;
    }
    let mut usual = Usual {
        path,
        host: b"",
        request_id: None,
        asked: if method == b"HEAD" { Asked::Head } else { Asked::Whole },
        repeatable: if is_idempotent(method) { Repeatable::Yes } else { Repeatable::No },
        end: ConnectionEnd::Keep,
        body: b"",
    };
    // Lines that go as they are, are copied together.
    let mut run = message;
    for _ in 0..FIELDS_AT_MOST {
        let (line, behind) = next_line(rest)?;
        if line.is_empty() {
            head.extend_from_slice(&run[..run.len() - rest.len()]);
            usual.body = behind;
            return (!usual.host.is_empty()).then_some(usual);
        }
        if usual.field(line)? == Line::Left {
            head.extend_from_slice(&run[..run.len() - rest.len()]);
            run = behind;
        }
        rest = behind;
    }
    None
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Passed,
    /// It goes no further.
    Left,
}

impl<'bytes> Usual<'bytes> {
    /// Takes a field. `None`: this is not usual.
    fn field(&mut self, line: &'bytes [u8]) -> Option<Line> {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = &line[..colon];
        let value = || line[colon + 1..].trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        // Told apart by the length first: most fields are passed at the price of one comparison.
        match colon {
            4 if is("host") => {
                if !self.host.is_empty() || !is_authority(value()) || value().is_empty() {
                    return None;
                }
                self.host = value();
            }
            10 if is("connection") => {
                if value().eq_ignore_ascii_case(b"close") {
                    self.end = ConnectionEnd::Close;
                } else if !value().eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
                return Some(Line::Left);
            }
            10 if is("keep-alive") => return Some(Line::Left),
            16 if is("proxy-connection") => return Some(Line::Left),
            12 if is("x-request-id") => {
                if self.request_id.is_some() {
                    return None;
                }
                if !is_sane_request_id(value()) {
                    return None;
                }
                self.request_id = Some(value());
            }
            2 if is("te") => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") || is("trailer") => return None,
            14 if is("http2-settings") => return None,
            17 if is("transfer-encoding") => return None,
            9 | 15 | 16 | 17 if is_provenance(name) => return Some(Line::Left),
            _ => {}
        }
        Some(Line::Passed)
    }
}

/// The next line, and what is behind its end. The strict reading has seen to it that CR stands nowhere else.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = first_control(bytes)?;
    Some((&bytes[..end], bytes.get(end + 2..)?))
}

/// The path of a target in its usual form (RFC 9112, 3.2.1), of characters that need no second look.
fn path_of(target: &[u8]) -> Option<&str> {
    if target.first() != Some(&b'/') || !target.iter().all(|byte| PLAIN[usize::from(*byte)]) {
        return None;
    }
    let path = target.split(|byte| *byte == b'?').next()?;
    std::str::from_utf8(path).ok()
}

/// The characters that RFC 3986 allows in a path or a query.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            )
            || matches!(byte, b',' | b';' | b'=' | b':' | b'@' | b'/' | b'?');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(message: &str) -> Option<(Usual<'_>, String)> {
        let mut head = Vec::new();
        let usual = read(message.as_bytes(), &mut head)?;
        Some((usual, String::from_utf8(head).unwrap()))
    }

    #[test]
    fn a_usual_request_goes_on_without_what_is_of_the_hop() {
        let message = "PUT /a/b?c=d HTTP/1.1\r\nHOST: a:80\r\nX-One: 1\r\nConnection: Keep-Alive\r\nX-Two:2\r\n\
             X-Forwarded-For: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nX-REAL-IP: 6\r\nKeep-Alive: 5\r\n\
             X-Request-Id: abc\r\nContent-Length: 2\r\n\r\nxy";
        let (usual, head) = read_text(message).unwrap();
        assert_eq!(
            head,
            "PUT /a/b?c=d HTTP/1.1\r\nHOST: a:80\r\nX-One: 1\r\nX-Two:2\r\nX-Request-Id: abc\r\nContent-Length: 2\r\n"
        );
        let expected = Usual {
            path: "/a/b",
            host: b"a:80",
            request_id: Some(b"abc"),
            asked: Asked::Whole,
            repeatable: Repeatable::Yes,
            end: ConnectionEnd::Keep,
            body: b"xy",
        };
        assert_eq!(usual, expected);
        let (usual, head) = read_text("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!((usual.asked, usual.end), (Asked::Head, ConnectionEnd::Close));
        assert_eq!(head, "HEAD / HTTP/1.1\r\nHost: a\r\n");
        let (usual, _) = read_text("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!((usual.repeatable, usual.body), (Repeatable::No, &b""[..]));
    }

    #[test]
    fn what_needs_a_second_look_is_not_usual() {
        let host = "Host: a\r\n";
        for message in [
            format!("GET / HTTP/1.0\r\n{host}\r\n"),
            format!("\r\nGET / HTTP/1.1\r\n{host}\r\n"),
            format!("GET http://a/ HTTP/1.1\r\n{host}\r\n"),
            format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"),
            format!("CONNECT /a HTTP/1.1\r\n{host}\r\n"),
            format!("GET /\" HTTP/1.1\r\n{host}\r\n"),
            format!("GET /a\\b HTTP/1.1\r\n{host}\r\n"),
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\n{host}{host}\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Connection: x-own\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Connection: keep-alive, upgrade\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Upgrade: websocket\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}TE: trailers\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Expect: 100-continue\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}X-Request-Id: a b\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}X-Request-Id: a\r\nx-request-id: b\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X: 1\r\n".repeat(FIELDS_AT_MOST)),
        ] {
            assert_eq!(read_text(&message).map(|(usual, _)| usual.path.to_owned()), None, "{message}");
        }
    }
}
