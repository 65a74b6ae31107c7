//! FNV-1a, 64 bits: the checksum that `/upload` answers. Made for spotting damage in tests, not for security.

/// A running checksum over the bytes given so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The checksum so far, as 16 hexadecimal digits.
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_values() {
        let mut checksum = Checksum::default();
        assert_eq!(checksum.hex(), "cbf29ce484222325");
        checksum.update(b"foo");
        checksum.update(b"bar");
        assert_eq!(checksum.hex(), "85944171f73967e8");
    }
}
