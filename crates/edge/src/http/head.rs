//! The strict reading of one request head (RFC 9112, 3 to 6): line by line, across any cuts of the stream.
//!
//! What it finds is only where the head ends and how long the body is; the fields themselves are the library's.

use super::framing::Refused;

/// Empty lines that are skipped in front of a request line.
const EMPTY_LINES_AT_MOST: u32 = 2;
/// The most digits of a content length: below what 64 bits hold.
const DIGITS_AT_MOST: usize = 18;

/// The framing of the body that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// There is none.
    None,
    /// So many bytes.
    Fixed(u64),
    /// Chunks.
    Chunked,
    /// None, and perhaps no HTTP afterwards.
    Upgrade,
}

/// What the bytes brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadStep {
    /// The head goes on.
    More,
    /// It is complete, and ended after `used` of these bytes.
    Complete {
        /// The body's framing.
        length: Length,
        /// Bytes up to and with the empty line.
        used: usize,
    },
    /// It is not acceptable.
    Refused(Refused),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

#[derive(Debug, Default)]
struct Found {
    version: Option<Version>,
    content_length: Option<u64>,
    chunked: Option<()>,
    upgrade: Option<()>,
    empty_lines: u32,
    size: usize,
}

/// Reads one head after the other.
#[derive(Debug)]
pub(crate) struct HeadReader {
    limit: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    found: Found,
}

impl HeadReader {
    /// For heads of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new(), found: Found::default() }
    }

    /// Forgets what was read of a head.
    pub(crate) fn begin_anew(&mut self) {
        self.line = Vec::new();
        self.found = Found::default();
    }

    /// Whether more than empty lines was read of the head.
    pub(crate) fn has_begun(&self) -> bool {
        self.found.version.is_some() || !self.line.is_empty()
    }

    /// Looks at the next bytes of the head.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> HeadStep {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let Some(stop) = first_control(rest) else {
                return self.keep(rest);
            };
            let (line, used) = match rest[stop] {
                b'\r' if stop + 1 == rest.len() => return self.keep(rest),
                b'\r' if rest[stop + 1] == b'\n' => (&rest[..stop], stop + 2),
                b'\n' if stop == 0 && self.line.last() == Some(&b'\r') => {
                    self.line.pop();
                    (&rest[..0], 1)
                }
                b'\n' => return refused("a line does not end with CR LF"),
                _ => return refused("the head has a control character"),
            };
            if self.line.last() == Some(&b'\r') {
                return refused("a line does not end with CR LF");
            }
            at += used;
            self.found.size += used;
            if self.found.size > self.limit {
                return HeadStep::Refused(Refused::HeadTooLarge);
            }
            let outcome = if self.line.is_empty() {
                self.found.line(line)
            } else {
                self.found.size += self.line.len();
                self.line.extend_from_slice(line);
                let whole = std::mem::take(&mut self.line);
                self.found.line(&whole)
            };
            match outcome {
                Ok(None) => {}
                Ok(Some(length)) => {
                    self.found = Found::default();
                    return HeadStep::Complete { length, used: at };
                }
                Err(why) => return HeadStep::Refused(why),
            }
        }
        HeadStep::More
    }

    fn keep(&mut self, rest: &[u8]) -> HeadStep {
        if self.line.last() == Some(&b'\r') {
            return refused("a line does not end with CR LF");
        }
        self.line.extend_from_slice(rest);
        if self.found.size + self.line.len() > self.limit {
            return HeadStep::Refused(Refused::HeadTooLarge);
        }
        HeadStep::More
    }
}

/// Where the first control character but a tab stands: the end of the line, if all is well.
pub(super) fn first_control(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let mut at = 0;
    // Eight at a time as long as none of them is below a space or DEL.
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_ne_bytes(*eight);
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let from_del = word ^ (ONES * 0x7f);
        let del = from_del.wrapping_sub(ONES) & !from_del;
        if (below_space | del) & HIGHS != 0 {
            let found = eight.iter().position(|byte| is_control(*byte));
            if let Some(found) = found {
                return Some(at + found);
            }
        }
        at += 8;
    }
    bytes[at..].iter().position(|byte| is_control(*byte)).map(|found| at + found)
}

fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

fn refused(why: &'static str) -> HeadStep {
    HeadStep::Refused(Refused::Malformed(why))
}

/// Whether a byte may stand in a token (RFC 9110, 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

impl Found {
    /// Takes one line without its end. `Some` when the head is complete.
    fn line(&mut self, line: &[u8]) -> Result<Option<Length>, Refused> {
        let Some(version) = self.version else {
            if line.is_empty() && self.empty_lines < EMPTY_LINES_AT_MOST {
                self.empty_lines += 1;
                return Ok(None);
            }
            self.version = Some(request_line(line)?);
            return Ok(None);
        };
        if line.is_empty() {
            return Ok(Some(self.length(version)));
        }
        let Some(colon) = line.iter().position(|byte| !is_token(*byte)) else {
            return Err(Refused::Malformed("a header line has no colon"));
        };
        if colon == 0 || line[colon] != b':' {
            return Err(Refused::Malformed(
                "a header name is empty, folded, or has characters that are not allowed",
            ));
        }
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        // The names are told apart by their length first: most lines cost one comparison.
        match colon {
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = Some(()),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.content_length(value.trim_ascii())?;
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.coding(version, value.trim_ascii())?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.content_length.is_some() || self.chunked.is_some() {
            return Err(Refused::Malformed("the body's length is given more than once"));
        }
        if value.is_empty() || value.len() > DIGITS_AT_MOST || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refused::Malformed("the content length is not a plain number"));
        }
        self.content_length = Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    fn coding(&mut self, version: Version, value: &[u8]) -> Result<(), Refused> {
        if self.content_length.is_some() || self.chunked.is_some() {
            return Err(Refused::Malformed("the body's length is given more than once"));
        }
        if version == Version::Http10 {
            return Err(Refused::Malformed("HTTP/1.0 has no transfer codings"));
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refused::UnknownCoding);
        }
        self.chunked = Some(());
        Ok(())
    }

    fn length(&self, version: Version) -> Length {
        match (self.chunked, self.content_length, self.upgrade) {
            (Some(()), _, _) => Length::Chunked,
            (None, Some(length), _) if length > 0 => Length::Fixed(length),
            (None, _, Some(())) if version == Version::Http11 => Length::Upgrade,
            _ => Length::None,
        }
    }
}

fn request_line(line: &[u8]) -> Result<Version, Refused> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refused::Malformed("the request line is not a method, a target and a version"));
    };
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(Refused::Malformed("the method has characters that are not allowed"));
    }
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) || target.contains(&b'#') {
        return Err(Refused::Malformed("the target has characters that are not allowed"));
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Refused::UnknownVersion)
        }
        _ => Err(Refused::Malformed("the request line is not a method, a target and a version")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_control_character_is_found_wherever_it_stands(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let slowly = bytes.iter().position(|byte| super::is_control(*byte));
            prop_assert_eq!(super::first_control(&bytes), slowly);
            let harmless: Vec<u8> = bytes.iter().map(|byte| byte | 0x80).collect();
            prop_assert_eq!(super::first_control(&harmless), None);
        }
    }

    /// Heads (those with a Z: heads with a body) of which none may pass.
    pub(crate) const BAD_HEADS: &[&[u8]] = &[
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0b\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\tfolded\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n",
        b"G ET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /#top HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET / http/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;\x00\r\nabc\r\n0\r\n\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
        b"POST /Z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    ];
}
