//! The forms in which a secret is looked for.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zeroize::Zeroizing;

use super::SHORTEST;
use super::escape;

/// Lines of a secret with fewer bytes are only found with the whole.
const SHORTEST_LINE: usize = 6;

/// One form of a secret, overwritten when it is dropped.
pub(super) type Form = Zeroizing<Vec<u8>>;

/// All forms of a value; none when it is too short to be looked for.
pub(super) fn of(value: &str) -> Vec<Form> {
    let whole = value.trim_end_matches(['\r', '\n']);
    if whole.len() < SHORTEST {
        return Vec::new();
    }
    let mut forms = BTreeSet::new();
    let mut add = |form: Vec<u8>| {
        if form.len() >= SHORTEST {
            forms.insert(form);
        }
    };
    for part in std::iter::once(whole).chain(lines(whole)) {
        add(part.as_bytes().to_vec());
        for escaped in escape::all(part) {
            add(escaped.into_bytes());
        }
    }
    let bytes = whole.as_bytes();
    for offset in 0..3 {
        for form in encoded(bytes, offset) {
            add(form);
        }
    }
    for width in [64, 76] {
        add(wrapped(bytes, width));
    }
    let hex = |digits: &[u8; 16]| -> Vec<u8> {
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15].map(|digit| digits[usize::from(digit)])).collect()
    };
    add(hex(b"0123456789abcdef"));
    add(hex(b"0123456789ABCDEF"));
    forms.into_iter().map(Zeroizing::new).collect()
}

/// The lines of a value of several, but those that are the same in every key file.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    let is_of_several = value.contains('\n');
    let lines = value.lines().map(str::trim).filter(move |line| is_of_several && line.len() >= SHORTEST_LINE);
    lines.filter(|line| !line.starts_with("-----BEGIN ") && !line.starts_with("-----END "))
}

/// What base64 makes of the bytes when `offset` others, modulo 3, stand before them: what does not depend on
/// those, once up to what stands behind, once as the end of a text.
fn encoded(bytes: &[u8], offset: usize) -> Vec<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(bytes);
    let first = (offset * 8).div_ceil(6);
    let sure = padded.len() * 8 / 6;
    let mut forms = Vec::new();
    for engine in [STANDARD, URL_SAFE] {
        let text = Zeroizing::new(engine.encode(padded.as_slice()));
        let text = text.as_bytes();
        forms.push(text[first..sure.max(first)].to_vec());
        let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
        forms.push(text[first..end].to_vec());
        forms.push(text[first..].to_vec());
    }
    forms
}

/// As programs that break lines write it, from the first byte on.
fn wrapped(bytes: &[u8], width: usize) -> Vec<u8> {
    let text = Zeroizing::new(STANDARD.encode(bytes));
    text.as_bytes().chunks(width).collect::<Vec<_>>().join(&b"\n"[..])
}
