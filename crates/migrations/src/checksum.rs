//! Checksums of migrations: our own, and those that other tools store in their tables, so that a database that they migrated can be
//! compared with the files.

mod crc32;
mod sip13;

use sha2::{Digest as _, Sha256, Sha384};

/// Our own: SHA-256 (hex) of the text without a byte order mark and with line feeds only.
#[must_use]
pub fn of(text: &str) -> String {
    hex(&Sha256::digest(crate::text::normalized(text).as_bytes()))
}

/// What sqlx stores: SHA-384 (hex) of the file's bytes.
#[must_use]
pub fn sqlx(bytes: &[u8]) -> String {
    hex(&Sha384::digest(bytes))
}

/// What refinery stores where its versions are 32 bits wide: SipHash-1-3 of name, version and text, as a decimal number.
#[must_use]
pub fn refinery(name: &str, version: i32, sql: &str) -> u64 {
    sip13::hash(&refinery_input(name, &version.to_ne_bytes(), sql))
}

/// What refinery stores where its versions are 64 bits wide (its feature `int8-versions`).
#[must_use]
pub fn refinery_wide(name: &str, version: i64, sql: &str) -> u64 {
    sip13::hash(&refinery_input(name, &version.to_ne_bytes(), sql))
}

/// What Flyway stores: CRC-32 of the lines without their ends, as a signed number.
#[must_use]
pub fn flyway(text: &str) -> i32 {
    let text = crate::text::normalized(text);
    let mut crc = crc32::Crc::new();
    for line in text.split('\n') {
        crc.update(line.as_bytes());
    }
    crc.value().cast_signed()
}

/// Strings are hashed with a byte behind them that no text contains, as the standard library does.
fn refinery_input(name: &str, version: &[u8], sql: &str) -> Vec<u8> {
    let mut input = Vec::with_capacity(name.len() + version.len() + sql.len() + 2);
    input.extend_from_slice(name.as_bytes());
    input.push(0xff);
    input.extend_from_slice(version);
    input.extend_from_slice(sql.as_bytes());
    input.push(0xff);
    input
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ours_knows_no_line_ends() {
        assert_eq!(of("SELECT 1;\r\n"), of("\u{feff}SELECT 1;\n"));
        assert_ne!(of("SELECT 1;\n"), of("SELECT 2;\n"));
        assert_eq!(of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn flyway_counts_lines_without_their_ends() {
        assert_eq!(flyway("a\nb\n"), flyway("\u{feff}a\r\nb"));
        // CRC-32 of `123456789` is the algorithm's check value, cbf43926.
        assert_eq!(flyway("12345\n6789\n"), 0xcbf4_3926_u32.cast_signed());
    }

    proptest! {
        /// The standard library's hasher is SipHash-1-3 today, which is what refinery relied on before it named it.
        #[test]
        fn refinery_hashes_as_the_standard_library_did(name in ".*", version: i32, sql in ".*") {
            let mut hasher = DefaultHasher::new();
            name.as_str().hash(&mut hasher);
            version.hash(&mut hasher);
            sql.as_str().hash(&mut hasher);
            prop_assert_eq!(refinery(&name, version, &sql), hasher.finish());
        }
    }
}
