//! The body of an instance's response, taken out of its framing (RFC 9112, 6.3 and 7.1).
//!
//! A pure state machine over bytes. It is as strict with chunks as the edge is with those of clients, but for blanks behind
//! a size: some old servers pad it.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::chunk::Chunk;

/// The most trailer fields that are read.
const TRAILERS_AT_MOST: usize = 64;

/// Where the reading stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none, or it has been read.
    Ended,
    /// So many bytes are missing, at least one.
    Fixed(u64),
    /// Chunks.
    Chunked(Box<Chunks>),
    /// Until the instance closes.
    UntilClose,
    /// The framing was broken: nothing more can be read.
    Broken,
}

/// A chunked body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunks {
    next: Chunk,
    /// Blanks followed the size that is being read.
    padded: Option<()>,
    /// The trailer section so far.
    trailers: BytesMut,
}

/// What a step brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'bytes> {
    /// All bytes are used, and more have to come.
    More,
    /// Data, in so many of the bytes.
    Data(&'bytes [u8], usize),
    /// The body ended within so many of the bytes, with this trailer section.
    End(Bytes, usize),
}

impl Body {
    pub(crate) fn fixed(length: u64) -> Self {
        if length == 0 { Self::Ended } else { Self::Fixed(length) }
    }

    pub(crate) fn chunked() -> Self {
        Self::Chunked(Box::new(Chunks { next: Chunk::first(), padded: None, trailers: BytesMut::new() }))
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    pub(crate) fn is_until_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// The bytes that are missing, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self {
            Self::Ended => Some(0),
            Self::Fixed(left) => Some(*left),
            Self::Chunked(_) | Self::UntilClose | Self::Broken => None,
        }
    }

    /// Takes the next piece from the front of `bytes`.
    pub(crate) fn take<'bytes>(&mut self, bytes: &'bytes [u8]) -> Result<Piece<'bytes>, &'static str> {
        match self {
            Self::Ended => Ok(Piece::End(Bytes::new(), 0)),
            Self::Broken => Err("the framing was broken"),
            _ if bytes.is_empty() => Ok(Piece::More),
            Self::UntilClose => Ok(Piece::Data(bytes, bytes.len())),
            Self::Fixed(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *self = Self::fixed(*left - count as u64);
                Ok(Piece::Data(&bytes[..count], count))
            }
            Self::Chunked(chunks) => {
                let piece = chunks.take(bytes);
                match &piece {
                    Ok(Piece::End(..)) => *self = Self::Ended,
                    Ok(_) => {}
                    Err(_) => *self = Self::Broken,
                }
                piece
            }
        }
    }

    /// The instance has closed. An error: the body had not ended.
    pub(crate) fn close(&mut self) -> Result<(), &'static str> {
        match self {
            Self::Ended | Self::UntilClose => {
                *self = Self::Ended;
                Ok(())
            }
            Self::Fixed(_) | Self::Chunked(_) | Self::Broken => Err("the instance closed within the body"),
        }
    }
}

impl Chunks {
    fn take<'bytes>(&mut self, bytes: &'bytes [u8]) -> Result<Piece<'bytes>, &'static str> {
        let mut at = 0;
        while at < bytes.len() {
            if self.skips(bytes[at])? {
                at += 1;
                continue;
            }
            let (is_data, is_trailer) = (self.next.is_data(), self.next.is_trailer());
            let (used, next) = self.next.read(&bytes[at..])?;
            let piece = &bytes[at..at + used];
            at += used;
            if is_trailer {
                self.trailers.extend_from_slice(piece);
            }
            let Some(next) = next else {
                return Ok(Piece::End(std::mem::take(&mut self.trailers).freeze(), at));
            };
            self.next = next;
            if is_data {
                return Ok(Piece::Data(piece, at));
            }
        }
        Ok(Piece::More)
    }

    /// Whether this byte pads a size.
    fn skips(&mut self, byte: u8) -> Result<bool, &'static str> {
        if !self.next.is_in_size() {
            self.padded = None;
            return Ok(false);
        }
        match (byte, self.padded) {
            (b' ' | b'\t', _) => {
                self.padded = Some(());
                Ok(true)
            }
            (b'\r' | b';', _) | (_, None) => Ok(false),
            (_, Some(())) => Err("the size of a chunk is not a plain hexadecimal number"),
        }
    }
}

/// The fields of a trailer section. What cannot be read is left out: nobody may rely on trailers (RFC 9110, 6.5.1).
pub(crate) fn trailer_fields(section: &[u8]) -> HeaderMap {
    let mut room = [httparse::EMPTY_HEADER; TRAILERS_AT_MOST];
    let mut fields = HeaderMap::new();
    if let Ok(httparse::Status::Complete((_, read))) = httparse::parse_headers(section, &mut room) {
        for field in read {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value))
            {
                fields.append(name, value);
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads with the stream cut into pieces. Gives data, trailers and what was left behind the end.
    fn read(mut body: Body, text: &[u8], size: usize) -> Result<(Vec<u8>, Bytes, Vec<u8>), &'static str> {
        let (mut data, mut trailers, mut left) = (Vec::new(), None, Vec::new());
        for mut bytes in text.chunks(size) {
            while trailers.is_none() {
                match body.take(bytes)? {
                    Piece::More => break,
                    Piece::Data(piece, used) => {
                        data.extend_from_slice(piece);
                        bytes = &bytes[used..];
                    }
                    Piece::End(section, used) => {
                        trailers = Some(section);
                        bytes = &bytes[used..];
                    }
                }
            }
            if trailers.is_some() {
                left.extend_from_slice(bytes);
            }
        }
        if trailers.is_none() {
            body.close()?;
        }
        assert!(body.is_ended());
        Ok((data, trailers.unwrap_or_default(), left))
    }

    #[test]
    fn every_framing_gives_the_same_data_wherever_the_stream_is_cut() {
        let chunked = b"3\r\nabc\r\n4;x=\"y\"\r\ndefg\r\n0\r\n\r\n";
        let padded = b"3  \r\nabc\r\n4 \t;x\r\ndefg\r\n0 \r\n\r\n";
        for size in 1..chunked.len() + 5 {
            for text in [&chunked[..], padded] {
                let with_more = [text, b"XYZ"].concat();
                let (data, trailers, left) = read(Body::chunked(), &with_more, size).unwrap();
                assert_eq!(
                    (&data[..], &trailers[..], &left[..]),
                    (&b"abcdefg"[..], &b"\r\n"[..], &b"XYZ"[..])
                );
            }
            let (data, _, left) = read(Body::fixed(7), b"abcdefgXYZ", size).unwrap();
            assert_eq!((&data[..], &left[..]), (&b"abcdefg"[..], &b"XYZ"[..]));
            assert_eq!(read(Body::UntilClose, b"abcdefg", size).unwrap().0, b"abcdefg");
            assert!(read(Body::Ended, b"", size).unwrap().0.is_empty());
        }
    }

    #[test]
    fn trailers_are_read() {
        for size in 1..40 {
            let text = b"1\r\na\r\n0\r\nX-Sum: 1\r\ny:2\r\n\r\n";
            let (_, section, _) = read(Body::chunked(), text, size).unwrap();
            let fields = trailer_fields(&section);
            assert_eq!(
                (&fields["x-sum"], &fields["y"], fields.len()),
                (&"1".parse().unwrap(), &"2".parse().unwrap(), 2)
            );
        }
        assert!(trailer_fields(b"\r\n").is_empty());
    }

    #[test]
    fn a_body_that_breaks_its_framing_or_off_is_an_error() {
        for bad in [
            &b"3\r\nab"[..],
            b"3\r\nabc\r\n",
            b"3\r\nabc\r\n0\r\n",
            b"x\r\n",
            b"3\nabc",
            b" 3\r\nabc\r\n0\r\n\r\n",
            b"3 4\r\nabc",
            b"3\r\nabcd\r\n",
            b"fffffffffffffffff\r\n",
            b"0\r\n a\r\n\r\n",
            b"",
        ] {
            assert!(read(Body::chunked(), bad, 100).is_err(), "{}", bad.escape_ascii());
        }
        assert!(read(Body::fixed(3), b"ab", 100).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 1..300), size in 1_usize..50) {
            let _ = read(Body::chunked(), &bytes, size);
        }
    }
}
