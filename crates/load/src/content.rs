//! The bytes of long bodies. Downloads are compared with them, uploads are made of them.
//!
//! It is the content that the shop's `/download` is documented to send: noise of xorshift32 from the state 1 (the low
//! byte of each state), of 65 521 bytes, repeated. The length is a prime, so that a lost or doubled piece shifts the rest.

use std::fmt::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use sha2::{Digest, Sha256};

const PERIOD: usize = 65_521;

static BLOCK: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    noise.take(PERIOD).collect()
});

/// The bytes from `offset` on: some, and at most `most`.
pub(crate) fn piece(offset: u64, most: u64) -> Bytes {
    let from = (offset % PERIOD as u64) as usize;
    let length = (PERIOD - from).min(usize::try_from(most).unwrap_or(PERIOD));
    BLOCK.slice(from..from + length)
}

/// Whether `bytes` are those that begin at `offset`.
pub(crate) fn matches(mut offset: u64, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let expected = piece(offset, bytes.len() as u64);
        let (head, tail) = bytes.split_at(expected.len());
        if head != expected {
            return false;
        }
        offset += head.len() as u64;
        bytes = tail;
    }
    true
}

/// SHA-256 of the first `length` bytes, in hexadecimal digits.
pub(crate) fn sha256(length: u64) -> String {
    let mut digest = Sha256::new();
    let mut offset = 0;
    while offset < length {
        let piece = piece(offset, length - offset);
        offset += piece.len() as u64;
        digest.update(&piece);
    }
    digest.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_shop_sends() {
        for offset in [0, 1, 65_520, 65_521, 1_000_000] {
            assert_eq!(piece(offset, 1000), shop::content::piece(offset, 1000), "at {offset}");
        }
    }

    #[test]
    fn damage_is_seen() {
        let mut bytes: Vec<u8> = [piece(0, u64::MAX), piece(0, u64::MAX)].concat();
        assert!(matches(0, &bytes));
        assert!(!matches(1, &bytes), "a shift was not seen");
        bytes.remove(70_000);
        assert!(!matches(0, &bytes), "a lost byte was not seen");
    }
}
