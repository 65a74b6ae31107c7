//! A stream that is sealed piece by piece: XChaCha20-Poly1305 in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
//!
//! Each piece is bound to its number and to whether it is the last, all of them to the backup's id: a piece that was changed, left
//! out, repeated, moved, taken from another backup, or an end that was cut off does not open.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key as CipherKey, XChaCha20Poly1305, XNonce};

use crate::key::Key;

const MAGIC: &[u8; 8] = b"BSCLBK1\n";
const PREFIX: usize = 19;
/// Bytes of what is sealed in one piece.
const PIECE: usize = 64 * 1024;
const TAG: usize = 16;

/// Why something did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not what we seal.
    #[error("this is no sealed backup")]
    Form,
    /// Damaged, cut off, of another backup, or another key.
    #[error("the backup is damaged or cut off, or the key is another")]
    Refused,
    /// No random numbers, or too many pieces for one stream.
    #[error("the backup could not be sealed")]
    Unsealable,
}

/// What both directions have.
struct Stream {
    cipher: XChaCha20Poly1305,
    prefix: [u8; PREFIX],
    associated: Vec<u8>,
    count: u32,
}

impl Stream {
    fn new(key: &Key, id: &str, prefix: [u8; PREFIX]) -> Self {
        let cipher = XChaCha20Poly1305::new(&CipherKey::from(key.of_content()));
        Self { cipher, prefix, associated: [MAGIC, id.as_bytes()].concat(), count: 0 }
    }

    /// The nonce of the next piece. No piece of a stream has that of another.
    fn nonce(&mut self, last: u8) -> Result<XNonce, SealError> {
        let mut nonce = [0; PREFIX + 5];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..PREFIX + 4].copy_from_slice(&self.count.to_be_bytes());
        nonce[PREFIX + 4] = last;
        self.count = self.count.checked_add(1).ok_or(SealError::Unsealable)?;
        Ok(XNonce::from(nonce))
    }
}

const MORE: u8 = 0;
const LAST: u8 = 1;

/// Seals.
pub(crate) struct Sealer {
    stream: Stream,
    waiting: Vec<u8>,
}

impl Sealer {
    /// For the backup of that id; what comes first is put into `out`.
    pub(crate) fn new(key: &Key, id: &str, out: &mut Vec<u8>) -> Result<Self, SealError> {
        let mut prefix = [0; PREFIX];
        getrandom::fill(&mut prefix).map_err(|_| SealError::Unsealable)?;
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&prefix);
        Ok(Self { stream: Stream::new(key, id, prefix), waiting: Vec::with_capacity(2 * PIECE) })
    }

    /// More of it.
    pub(crate) fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        self.waiting.extend_from_slice(plain);
        // One is held back: it may be the last.
        while self.waiting.len() > PIECE {
            let piece: Vec<u8> = self.waiting.drain(..PIECE).collect();
            self.piece(&piece, MORE, out)?;
        }
        Ok(())
    }

    /// That was all.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SealError> {
        let piece = std::mem::take(&mut self.waiting);
        self.piece(&piece, LAST, out)
    }

    fn piece(&mut self, piece: &[u8], last: u8, out: &mut Vec<u8>) -> Result<(), SealError> {
        let nonce = self.stream.nonce(last)?;
        let payload = Payload { msg: piece, aad: &self.stream.associated };
        out.extend(self.stream.cipher.encrypt(&nonce, payload).map_err(|_| SealError::Unsealable)?);
        Ok(())
    }
}

/// Opens.
pub(crate) struct Opener {
    key: Key,
    id: String,
    stream: Option<Stream>,
    waiting: Vec<u8>,
}

impl Opener {
    /// For the backup of that id.
    pub(crate) fn new(key: &Key, id: &str) -> Self {
        Self { key: key.clone(), id: id.to_owned(), stream: None, waiting: Vec::with_capacity(2 * PIECE) }
    }

    /// More of it. What comes out is right, but only [`Opener::finish`] says that it is all.
    pub(crate) fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        self.waiting.extend_from_slice(sealed);
        if self.stream.is_none() && self.waiting.len() >= MAGIC.len() + PREFIX {
            let head: Vec<u8> = self.waiting.drain(..MAGIC.len() + PREFIX).collect();
            let (magic, prefix) = head.split_at(MAGIC.len());
            if magic != MAGIC {
                return Err(SealError::Form);
            }
            let prefix = prefix.try_into().map_err(|_| SealError::Form)?;
            self.stream = Some(Stream::new(&self.key, &self.id, prefix));
        }
        while self.stream.is_some() && self.waiting.len() > PIECE + TAG {
            let piece: Vec<u8> = self.waiting.drain(..PIECE + TAG).collect();
            self.piece(&piece, MORE, out)?;
        }
        Ok(())
    }

    /// That was all.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SealError> {
        let piece = std::mem::take(&mut self.waiting);
        self.piece(&piece, LAST, out)
    }

    fn piece(&mut self, piece: &[u8], last: u8, out: &mut Vec<u8>) -> Result<(), SealError> {
        let stream = self.stream.as_mut().ok_or(SealError::Form)?;
        let nonce = stream.nonce(last)?;
        let payload = Payload { msg: piece, aad: &stream.associated };
        out.extend(stream.cipher.decrypt(&nonce, payload).map_err(|_| SealError::Refused)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new([3; 32])
    }

    fn seal(plain: &[u8], step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sealer = Sealer::new(&key(), "a", &mut out).unwrap();
        for part in plain.chunks(step) {
            sealer.push(part, &mut out).unwrap();
        }
        sealer.finish(&mut out).unwrap();
        out
    }

    fn open(key: &Key, id: &str, sealed: &[u8], step: usize) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::new();
        let mut opener = Opener::new(key, id);
        for part in sealed.chunks(step) {
            opener.push(part, &mut out)?;
        }
        opener.finish(&mut out)?;
        Ok(out)
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
    }

    #[test]
    fn whatever_its_length_it_opens_again() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7] {
            let sealed = seal(&plain(length), 10_000);
            assert_eq!(open(&key(), "a", &sealed, 7_777).unwrap(), plain(length), "{length}");
        }
    }

    #[test]
    fn what_was_changed_cut_or_moved_does_not_open() {
        let whole = plain(3 * PIECE);
        let sealed = seal(&whole, 50_000);
        let head = MAGIC.len() + PREFIX;
        let piece = PIECE + TAG;
        let refused = |sealed: &[u8]| open(&key(), "a", sealed, 9_999) == Err(SealError::Refused);
        for cut in [head + piece, head + 2 * piece, sealed.len() - 1, head + 5] {
            assert!(refused(&sealed[..cut]), "cut at {cut}");
        }
        for at in [9, head, head + piece + 3, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(refused(&changed), "changed at {at}");
        }
        let (first, second) = (&sealed[head..head + piece], &sealed[head + piece..head + 2 * piece]);
        let moved = [&sealed[..head], second, first, &sealed[head + 2 * piece..]].concat();
        assert!(refused(&moved));
        let repeated = [&sealed[..head], first, first, &sealed[head + piece..]].concat();
        assert!(refused(&repeated));
        let left_out = [&sealed[..head], &sealed[head + piece..]].concat();
        assert!(refused(&left_out));
        let longer = [&sealed[..], b"x"].concat();
        assert!(refused(&longer));
        assert_eq!(open(&key(), "b", &sealed, 1_000), Err(SealError::Refused));
        assert_eq!(open(&Key::new([4; 32]), "a", &sealed, 1_000), Err(SealError::Refused));
        assert_eq!(open(&key(), "a", &sealed[..5], 1_000), Err(SealError::Form));
        assert_eq!(open(&key(), "a", &whole, 1_000), Err(SealError::Form));
        assert!(!sealed.windows(16).any(|window| window == &whole[..16]));
    }
}
