//! Names and ids that look like chance and are the same in every run.

/// A xorshift generator.
#[derive(Debug)]
pub(crate) struct Chance(u64);

/// What Kubernetes makes names of: no vowels, nothing that looks like something else.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Chance {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The five letters behind a `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        let mut rest = self.next();
        (0..5)
            .map(|_| {
                let letter = letter(rest);
                rest /= LETTERS.len() as u64;
                letter
            })
            .collect()
    }

    pub(crate) fn uid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        format!("{a:08x}-{b:04x}-4{c:03x}-a{:03x}-{:012x}", (low >> 48) & 0xfff, low & 0xffff_ffff_ffff)
    }

    /// The number in the name of an event.
    pub(crate) fn hex(&mut self) -> String {
        format!("{:016x}", self.next())
    }
}

fn letter(number: u64) -> char {
    char::from(LETTERS[usize::try_from(number % LETTERS.len() as u64).unwrap_or_default()])
}

/// The label `pod-template-hash` of a pod template, by its text (FNV-1a).
pub(crate) fn template_hash(template: &serde_json::Value) -> String {
    let text = template.to_string();
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (0..10)
        .map(|_| {
            let letter = letter(hash);
            hash /= LETTERS.len() as u64;
            letter
        })
        .collect()
}
