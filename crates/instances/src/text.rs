//! Log lines as they are handed out: bytes that are no UTF-8 are replaced, a line that is too long is cut and says so.
//! Everything else in a line is the app's, control characters too: who shows it has to escape them.

/// Longest line that is handed out, in bytes.
pub const LONGEST_LINE: usize = 16 * 1024;

/// One line, without its end.
#[must_use]
pub fn line(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    match bytes.get(..LONGEST_LINE) {
        Some(beginning) if bytes.len() > LONGEST_LINE => {
            let cut = bytes.len() - LONGEST_LINE;
            format!("{} … ({cut} more bytes)", String::from_utf8_lossy(beginning))
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
