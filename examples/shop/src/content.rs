//! What `/download` sends: a block of noise repeated for ever. The block's length is a prime, so that a piece that is
//! lost, doubled or moved shifts everything after it and is seen by whoever compares.

use std::sync::LazyLock;

use bytes::Bytes;

/// Length of the repeated block, bytes: the largest prime below 64 KiB.
pub const PERIOD: usize = 65_521;

static BLOCK: LazyLock<Bytes> = LazyLock::new(|| {
    // xorshift32 (Marsaglia 2003) from the state 1; each byte is the low byte of the next state.
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    noise.take(PERIOD).collect()
});

/// The bytes from `offset` on: at least 1 and at most [`PERIOD`] of them, and never more than `most`.
pub fn piece(offset: u64, most: u64) -> Bytes {
    let from = (offset % PERIOD as u64) as usize;
    let length = (PERIOD - from).min(usize::try_from(most).unwrap_or(PERIOD));
    BLOCK.slice(from..from + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_without_a_seam() {
        let whole: Vec<u8> = piece(0, u64::MAX).iter().chain(piece(0, u64::MAX).iter()).copied().collect();
        let mut joined = Vec::new();
        while joined.len() < 100_000 {
            joined.extend_from_slice(&piece(joined.len() as u64, 777));
        }
        assert_eq!(joined, whole[..joined.len()]);
    }
}
