//! Request ids: 128 bits as 32 hexadecimal digits, half from the system's randomness at the worker's start, half a scrambled count.

use std::cell::{Cell, RefCell};

use bytes::BytesMut;
use http::HeaderValue;

/// So many ids share one piece of memory: an id that is kept keeps its neighbours', which are a few kilobytes.
const PAGE: usize = 64 * LENGTH;
const LENGTH: usize = 32;

/// Makes ids that do not repeat.
#[derive(Debug)]
pub(crate) struct RequestIds {
    seed: u64,
    count: Cell<u64>,
    page: RefCell<BytesMut>,
}

impl RequestIds {
    /// Seeded by the system; without randomness, by the worker's number alone.
    pub(crate) fn new(worker: usize) -> Self {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            bytes[..8].copy_from_slice(&(worker as u64).to_le_bytes());
        }
        let seed = u128::from_le_bytes(bytes);
        Self { seed: (seed >> 64) as u64, count: Cell::new(seed as u64), page: RefCell::default() }
    }

    /// The next one.
    pub(crate) fn next(&self) -> HeaderValue {
        let count = self.count.get().wrapping_add(1);
        self.count.set(count);
        let id = (u128::from(scramble(count ^ self.seed)) << 64) | u128::from(scramble(count));
        let mut page = self.page.borrow_mut();
        if page.capacity() < LENGTH {
            *page = BytesMut::with_capacity(PAGE);
        }
        for byte in id.to_be_bytes() {
            page.extend_from_slice(&HEXADECIMAL[usize::from(byte)]);
        }
        HeaderValue::from_maybe_shared(page.split().freeze())
            .unwrap_or_else(|_| HeaderValue::from_static("none"))
    }

    /// A number for choices that only have to be spread.
    pub(crate) fn spread(&self) -> u64 {
        let count = self.count.get().wrapping_add(1);
        self.count.set(count);
        scramble(count)
    }
}

/// Every byte in two digits.
const HEXADECIMAL: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

/// A bijection that spreads neighbours far apart (the finalizer of splitmix64).
fn scramble(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_do_not_repeat() {
        let ids = RequestIds::new(0);
        let seen: HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| id.len() == 32));
    }
}
