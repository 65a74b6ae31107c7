//! Names of tombstones. Pure.

use sha2::{Digest as _, Sha256};

/// What every tombstone's name begins with.
pub const PREFIX: &str = "_gone_";

/// The longest name that all servers keep as it is, in bytes.
const LONGEST: usize = 63;

/// The id of what goes: the same each time that the same migration drops the same thing, so that a run that was cut off finds what
/// it had begun.
pub fn id(version: &str, position: usize, what: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(version);
    hash.update(position.to_le_bytes());
    for part in what {
        hash.update([0]);
        hash.update(part);
    }
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The name under which something stays until it goes for good: `_gone_<name>_<id>`, at most 63 bytes.
#[must_use]
pub fn tombstone_name(name: &str, id: &str) -> String {
    let room = LONGEST.saturating_sub(PREFIX.len() + 1 + id.len());
    let mut end = name.len().min(room);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{PREFIX}{}_{id}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_whatever_its_length() {
        assert_eq!(tombstone_name("email", "0a1b2c3d"), "_gone_email_0a1b2c3d");
        let long = tombstone_name(&"ä".repeat(60), "0a1b2c3d");
        assert!(long.len() <= 63 && long.ends_with("ä_0a1b2c3d"), "{long}");
    }

    #[test]
    fn an_id_tells_apart_what_is_not_the_same() {
        let one = id("1", 0, &["column", "a", "b"]);
        assert_eq!(one, id("1", 0, &["column", "a", "b"]));
        assert_eq!(one.len(), 8);
        for other in [
            id("2", 0, &["column", "a", "b"]),
            id("1", 1, &["column", "a", "b"]),
            id("1", 0, &["column", "ab"]),
        ] {
            assert_ne!(one, other);
        }
    }
}
