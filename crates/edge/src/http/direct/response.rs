//! The head of a response, rewritten as a client gets it, and the framing of the body behind it.

use http::StatusCode;
use httparse::Header;

use super::super::headers::is_hop_by_hop_in_responses;
use super::ConnectionEnd;
use crate::upstream::body::Body;
use crate::upstream::response::ResponseHead;

/// How the data of a body is written for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As it is: there is none, or the client knows its length.
    Bare,
    /// In chunks.
    Chunks,
}

/// Writes the head of a response with this body.
pub(crate) fn write_head(
    head: &ResponseHead<'_, '_>,
    body: &Body,
    end: ConnectionEnd,
    date: &str,
    out: &mut Vec<u8>,
) -> Framing {
    let framing =
        if matches!(body, Body::Chunked(_) | Body::UntilClose) { Framing::Chunks } else { Framing::Bare };
    status_line(head, out);
    // A length that does not count, or must not be there (RFC 9110, 8.6), goes no further; one that is said twice goes once.
    let mut length = if framing == Framing::Bare && head.status != StatusCode::NO_CONTENT && !has_coding(head)
    {
        Length::Wanted
    } else {
        Length::Unwanted
    };
    let (mut has_date, mut named) = (None, None);
    for Header { name, .. } in head.fields {
        if name.len() == 10 && name.eq_ignore_ascii_case("connection") {
            named = Some(());
        }
    }
    for Header { name, value } in head.fields {
        if named.is_some() && is_named(head.fields, name) {
            continue;
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case("date") => has_date = Some(()),
            14 if name.eq_ignore_ascii_case("content-length") => {
                if length == Length::Unwanted {
                    continue;
                }
                length = Length::Unwanted;
            }
            7 | 10 | 16 | 17 | 18 if is_of_hop(name) => continue,
            _ => {}
        }
        field(name, value, out);
    }
    if has_date.is_none() {
        field("date", date.as_bytes(), out);
    }
    if framing == Framing::Chunks {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if end == ConnectionEnd::Close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    framing
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Wanted,
    Unwanted,
}

fn status_line(head: &ResponseHead<'_, '_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status.as_str().as_bytes());
    out.push(b' ');
    let reason =
        if head.reason.is_empty() { head.status.canonical_reason().unwrap_or_default() } else { head.reason };
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn has_coding(head: &ResponseHead<'_, '_>) -> bool {
    head.fields
        .iter()
        .any(|field| field.name.len() == 17 && field.name.eq_ignore_ascii_case("transfer-encoding"))
}

fn is_of_hop(name: &str) -> bool {
    name.eq_ignore_ascii_case("connection") || is_hop_by_hop_in_responses(name)
}

/// Whether `Connection` names this field, and it is not one that a response cannot do without.
fn is_named(fields: &[Header<'_>], name: &str) -> bool {
    !name.eq_ignore_ascii_case("content-length")
        && fields
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case("connection"))
            .flat_map(|field| field.value.split(|byte| *byte == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

impl Framing {
    /// Writes a piece of the body.
    pub(crate) fn write(self, piece: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Bare => out.extend_from_slice(piece),
            Self::Chunks if piece.is_empty() => {}
            Self::Chunks => {
                // Writing to memory does not fail.
                let _ = std::io::Write::write_fmt(out, format_args!("{:x}\r\n", piece.len()));
                out.extend_from_slice(piece);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Writes the end of the body. Trailers are for clients that ask for them, and what asks is not usual.
    pub(crate) fn write_end(self, out: &mut Vec<u8>) {
        if self == Self::Chunks {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use super::*;
    use crate::upstream::response::{Asked, Room, read};

    fn rewritten(text: &str, asked: Asked, end: ConnectionEnd) -> (String, Framing) {
        let mut room: Room<'_> = [const { MaybeUninit::uninit() }; _];
        let (head, body, _) = read(text.as_bytes(), &mut room, asked).unwrap().unwrap();
        let mut out = Vec::new();
        let framing = write_head(&head, &body, end, "now", &mut out);
        (String::from_utf8(out).unwrap(), framing)
    }

    #[test]
    fn a_client_gets_what_is_for_it() {
        let whole = |text: &str| rewritten(text, Asked::Whole, ConnectionEnd::Keep);
        for (text, expected, framing) in [
            (
                "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX: 1\r\nDate: then\r\n\r\n",
                "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX: 1\r\nDate: then\r\n\r\n",
                Framing::Bare,
            ),
            (
                "HTTP/1.0 404\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
                "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\ndate: now\r\n\r\n",
                Framing::Bare,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\ndate: x\r\n\r\n",
                "HTTP/1.1 200 OK\r\ndate: x\r\ntransfer-encoding: chunked\r\n\r\n",
                Framing::Chunks,
            ),
            (
                "HTTP/1.1 200 OK\r\ndate: x\r\nX-Hop: 1\r\nConnection: close, x-hop\r\nKeep-Alive: 5\r\nUpgrade: x\r\n\
                 Proxy-Connection: a\r\nProxy-Authenticate: b\r\n\r\n",
                "HTTP/1.1 200 OK\r\ndate: x\r\ntransfer-encoding: chunked\r\n\r\n",
                Framing::Chunks,
            ),
            (
                "HTTP/1.1 204 No Content\r\ndate: x\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n",
                Framing::Bare,
            ),
            (
                "HTTP/1.1 304 Not Modified\r\ndate: x\r\nContent-Length: 5\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\ndate: x\r\nContent-Length: 5\r\n\r\n",
                Framing::Bare,
            ),
        ] {
            assert_eq!(whole(text), (expected.to_owned(), framing), "{text}");
        }
        let head = rewritten(
            "HTTP/1.1 200 OK\r\ndate: x\r\nContent-Length: 5\r\n\r\n",
            Asked::Head,
            ConnectionEnd::Close,
        );
        assert_eq!(
            head,
            (
                "HTTP/1.1 200 OK\r\ndate: x\r\nContent-Length: 5\r\nconnection: close\r\n\r\n".to_owned(),
                Framing::Bare
            )
        );
    }

    #[test]
    fn an_empty_piece_does_not_end_the_body() {
        let mut out = Vec::new();
        for piece in [&b"abc"[..], b"", b"0123456789abcdef"] {
            Framing::Chunks.write(piece, &mut out);
        }
        Framing::Chunks.write_end(&mut out);
        assert_eq!(out, b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
    }
}
