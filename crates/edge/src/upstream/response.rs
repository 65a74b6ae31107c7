//! The head of an instance's response (RFC 9112, 4 to 6): what it says, and how the body behind it is framed.
//!
//! Instances are not trusted to be right: a head whose framing can be read in two ways is no head, since the edge would pass
//! on one reading and somebody behind it might see the other.

use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{Header, ParserConfig, Status};

use super::body::Body;

/// The most bytes that a head may have, and the most fields.
pub(crate) const HEAD_AT_MOST: usize = 128 * 1024;
const FIELDS_AT_MOST: usize = 128;

/// Room for the fields of one head.
pub(crate) type Room<'bytes> = [MaybeUninit<Header<'bytes>>; FIELDS_AT_MOST];

/// What was asked, as far as it decides about the body of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// HEAD: the answer has no body, whatever its fields say.
    Head,
    /// Anything else.
    Whole,
}

/// Whether the connection may be used again after the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    Keep,
    Close,
}

/// These bytes are no head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the head of the response is not acceptable: {0}")]
pub(crate) struct BadHead(pub(crate) &'static str);

/// A complete head.
#[derive(Debug)]
pub(crate) struct ResponseHead<'head, 'bytes> {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'bytes str,
    pub(crate) fields: &'head [Header<'bytes>],
    pub(crate) persistence: Persistence,
}

/// Reads a head from the beginning of `bytes`. Gives it with the body that follows and its own length; `None`: there is more
/// to come.
pub(crate) fn read<'head, 'bytes>(
    bytes: &'bytes [u8],
    room: &'head mut Room<'bytes>,
    asked: Asked,
) -> Result<Option<(ResponseHead<'head, 'bytes>, Body, usize)>, BadHead> {
    let mut parsed = httparse::Response::new(&mut []);
    let outcome = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, room);
    let length = match outcome {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= HEAD_AT_MOST => return Err(BadHead("it is too large")),
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead("it has too many fields")),
        Err(_) => return Err(BadHead("it is not a status line and fields")),
    };
    if length > HEAD_AT_MOST {
        return Err(BadHead("it is too large"));
    }
    let (Some(code), Some(minor)) = (parsed.code, parsed.version) else {
        return Err(BadHead("it has no status"));
    };
    let status =
        StatusCode::from_u16(code).map_err(|_| BadHead("its status is not a number of three digits"))?;
    let fields: &'head [Header<'bytes>] = parsed.headers;
    let seen = Seen::of(fields)?;
    let body = seen.body(status, asked);
    let persistence = seen.persistence(minor, body.is_until_close());
    let reason = parsed.reason.unwrap_or_default();
    Ok(Some((ResponseHead { status, reason, fields, persistence }, body, length)))
}

#[derive(Debug, Default)]
struct Seen {
    length: Option<u64>,
    chunked: Option<()>,
    close: Option<()>,
    keep_alive: Option<()>,
}

impl Seen {
    fn of(fields: &[Header<'_>]) -> Result<Self, BadHead> {
        let mut seen = Self::default();
        for Header { name, value } in fields {
            // Told apart by the length first: most fields cost one comparison.
            match name.len() {
                10 if name.eq_ignore_ascii_case("connection") => seen.connection(value),
                14 if name.eq_ignore_ascii_case("content-length") => seen.length(value)?,
                17 if name.eq_ignore_ascii_case("transfer-encoding") => seen.coding(value)?,
                _ => {}
            }
        }
        Ok(seen)
    }

    fn connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = Some(());
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = Some(());
            }
        }
    }

    /// The same length twice says nothing new (RFC 9112, 6.3); another one is a contradiction.
    fn length(&mut self, value: &[u8]) -> Result<(), BadHead> {
        let plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
        let length = value
            .iter()
            .fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))));
        match self.length {
            _ if !plain => Err(BadHead("its content length is not a plain number")),
            Some(known) if known != length => Err(BadHead("it has more than one content length")),
            _ => {
                self.length = Some(length);
                Ok(())
            }
        }
    }

    /// The edge asks for no coding, so that only the one that every recipient has to know may be there.
    fn coding(&mut self, value: &[u8]) -> Result<(), BadHead> {
        if self.chunked.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(BadHead("its transfer coding is not chunked"));
        }
        self.chunked = Some(());
        Ok(())
    }

    /// RFC 9112, 6.3.
    fn body(&self, status: StatusCode, asked: Asked) -> Body {
        let bodiless =
            status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        match (self.chunked, self.length) {
            _ if bodiless || asked == Asked::Head => Body::Ended,
            (Some(()), _) => Body::chunked(),
            (None, Some(length)) => Body::fixed(length),
            (None, None) => Body::UntilClose,
        }
    }

    fn persistence(&self, minor: u8, until_close: bool) -> Persistence {
        // Chunks in HTTP/1.0, or a length beside them, come from somebody who may see another end (RFC 9112, 6.1).
        let doubtful = self.chunked.is_some() && (minor == 0 || self.length.is_some());
        let kept = if minor == 0 { self.keep_alive.is_some() } else { true };
        if kept && self.close.is_none() && !until_close && !doubtful {
            Persistence::Keep
        } else {
            Persistence::Close
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = Result<Option<(u16, Body, Persistence, usize)>, BadHead>;

    fn read_as(bytes: &[u8], asked: Asked) -> Read {
        let mut room = [const { MaybeUninit::uninit() }; FIELDS_AT_MOST];
        let read = read(bytes, &mut room, asked)?;
        Ok(read.map(|(head, body, length)| (head.status.as_u16(), body, head.persistence, length)))
    }

    #[test]
    fn the_framing_is_that_of_the_standard() {
        use Persistence::{Close, Keep};
        for (text, asked, status, body, persistence) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Asked::Whole, 200, Body::fixed(5), Keep),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Asked::Whole, 200, Body::Ended, Keep),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
                Asked::Whole,
                200,
                Body::fixed(5),
                Keep,
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Asked::Head, 200, Body::Ended, Keep),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
                Asked::Whole,
                200,
                Body::chunked(),
                Keep,
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Asked::Head, 200, Body::Ended, Keep),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
                Asked::Whole,
                200,
                Body::chunked(),
                Close,
            ),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n",
                Asked::Whole,
                200,
                Body::chunked(),
                Close,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", Asked::Whole, 200, Body::UntilClose, Close),
            ("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n", Asked::Whole, 200, Body::fixed(1), Keep),
            ("HTTP/1.1 204 No Content\r\n\r\n", Asked::Whole, 204, Body::Ended, Keep),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Asked::Whole, 304, Body::Ended, Keep),
            ("HTTP/1.1 100 Continue\r\n\r\n", Asked::Whole, 100, Body::Ended, Keep),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Asked::Whole, 101, Body::Ended, Keep),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n",
                Asked::Whole,
                200,
                Body::fixed(5),
                Close,
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Asked::Whole, 200, Body::fixed(5), Close),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n",
                Asked::Whole,
                200,
                Body::fixed(5),
                Keep,
            ),
        ] {
            let read = read_as(text.as_bytes(), asked);
            assert_eq!(read, Ok(Some((status, body, persistence, text.len()))), "{text}");
            let with_more = [text, "more"].concat();
            let read = read_as(with_more.as_bytes(), asked).unwrap().unwrap();
            assert_eq!(read.3, text.len());
            for cut in 0..text.len() {
                assert_eq!(read_as(&text.as_bytes()[..cut], asked), Ok(None), "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_head_or_contradicts_itself_is_refused() {
        for text in [
            &b"nonsense\r\n\r\n"[..],
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
        ] {
            assert!(read_as(text, Asked::Whole).is_err(), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_head_has_its_limits() {
        let fields = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(count));
        assert!(read_as(fields(FIELDS_AT_MOST).as_bytes(), Asked::Whole).is_ok());
        assert!(read_as(fields(FIELDS_AT_MOST + 1).as_bytes(), Asked::Whole).is_err());
        let long = |length: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(length));
        assert!(read_as(long(100_000).as_bytes(), Asked::Whole).is_ok());
        assert!(read_as(long(HEAD_AT_MOST).as_bytes(), Asked::Whole).is_err());
        assert!(read_as(&long(HEAD_AT_MOST).as_bytes()[..HEAD_AT_MOST], Asked::Whole).is_err(), "cut");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_as(&[b"HTTP/1.1 200 OK\r\n", &bytes[..]].concat(), Asked::Whole);
        }
    }
}
