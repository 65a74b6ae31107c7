//! The chunked transfer coding (RFC 9112, 7.1), read strictly: CRLF only, plain hexadecimal sizes, short extensions, trailers
//! that are header fields.
//!
//! A pure state machine; data is skipped in one step, everything else byte by byte.

/// The most digits of a size: below what 64 bits hold.
const DIGITS_AT_MOST: u32 = 15;
/// The longest extension of a chunk, in bytes.
const EXTENSION_AT_MOST: usize = 256;
/// The most bytes of trailers.
const TRAILERS_AT_MOST: usize = 16 * 1024;

/// Where the reading stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    Size { value: u64, digits: u32 },
    Extension { value: u64, length: usize },
    SizeNewline { value: u64 },
    Data { left: u64 },
    DataReturn,
    DataNewline,
    Trailer { total: usize, part: Part },
    TrailerNewline { total: usize },
    LastNewline,
}

/// The part of a trailer line that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Start,
    Name,
    Value,
}

impl Chunk {
    /// A chunked body's beginning.
    pub(crate) fn first() -> Self {
        Self::Size { value: 0, digits: 0 }
    }

    /// Whether the next bytes are data.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self, Self::Data { .. })
    }

    /// Whether a size is being read.
    pub(crate) fn is_in_size(&self) -> bool {
        matches!(self, Self::Size { digits: 1.., .. })
    }

    /// Whether the next byte belongs to the trailer section, its last empty line included.
    pub(crate) fn is_trailer(&self) -> bool {
        matches!(self, Self::Trailer { .. } | Self::TrailerNewline { .. } | Self::LastNewline)
    }

    /// One step: how many bytes it used, and what comes next; `None` when the body has ended.
    pub(crate) fn read(self, bytes: &[u8]) -> Result<(usize, Option<Self>), &'static str> {
        if let Self::Data { left } = self {
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let left = left - take as u64;
            return Ok((take, Some(if left == 0 { Self::DataReturn } else { Self::Data { left } })));
        }
        let Some(&byte) = bytes.first() else { return Ok((0, Some(self))) };
        self.step(byte).map(|next| (1, next))
    }

    fn step(self, byte: u8) -> Result<Option<Self>, &'static str> {
        let next = match self {
            Self::Size { value, digits } => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) if digits < DIGITS_AT_MOST => {
                    Self::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
                }
                (None, b'\r') if digits > 0 => Self::SizeNewline { value },
                (None, b';') if digits > 0 => Self::Extension { value, length: 0 },
                _ => return Err("the size of a chunk is not a plain hexadecimal number"),
            },
            Self::Extension { value, length } => match byte {
                b'\r' => Self::SizeNewline { value },
                b'\t' | b' '..=b'~' if length < EXTENSION_AT_MOST => {
                    Self::Extension { value, length: length + 1 }
                }
                _ => return Err("the extension of a chunk is too long or has control characters"),
            },
            Self::SizeNewline { value } if byte == b'\n' => match value {
                0 => Self::Trailer { total: 0, part: Part::Start },
                left => Self::Data { left },
            },
            Self::DataReturn if byte == b'\r' => Self::DataNewline,
            Self::DataNewline if byte == b'\n' => Self::first(),
            Self::Trailer { total, .. } if total >= TRAILERS_AT_MOST => {
                return Err("the trailers are too long");
            }
            Self::Trailer { total, part } => return trailer(total + 1, part, byte).map(Some),
            Self::TrailerNewline { total } if byte == b'\n' => Self::Trailer { total, part: Part::Start },
            Self::LastNewline if byte == b'\n' => return Ok(None),
            Self::DataReturn | Self::DataNewline => return Err("a chunk is longer than its size says"),
            _ => return Err("a line does not end with CR LF"),
        };
        Ok(Some(next))
    }
}

fn trailer(total: usize, part: Part, byte: u8) -> Result<Chunk, &'static str> {
    let part = match (part, byte) {
        (Part::Start, b'\r') => return Ok(Chunk::LastNewline),
        (Part::Value, b'\r') => return Ok(Chunk::TrailerNewline { total }),
        (Part::Name, b':') => Part::Value,
        (Part::Start | Part::Name, byte) if super::head::is_token(byte) => Part::Name,
        (Part::Value, byte) if byte == b'\t' || (byte >= b' ' && byte != 0x7f) => Part::Value,
        _ => return Err("a trailer is not a header field"),
    };
    Ok(Chunk::Trailer { total, part })
}
