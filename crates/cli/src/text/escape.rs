//! Text that somebody else wrote (log lines, answers, names), made harmless: a terminal obeys control characters, and
//! marks that turn the direction of writing show a text as another one.

/// The text with each control character as `\xNN` or `\u{NNNN}`; a tab becomes spaces. For one line.
pub fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => safe.push_str("    "),
            c if is_unsafe(c) => push_escaped(&mut safe, c),
            c => safe.push(c),
        }
    }
    safe
}

/// As [`line`], with line ends kept.
pub fn lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn is_unsafe(c: char) -> bool {
    // Bidirectional marks, embeddings, overrides and isolates (Unicode 9).
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_escaped(safe: &mut String, c: char) {
    let number = u32::from(c);
    if number < 0x100 {
        safe.push_str(&format!("\\x{number:02x}"));
    } else {
        safe.push_str(&format!("\\u{{{number:x}}}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        assert_eq!(line("a\u{1b}[2Jb\rc\td\u{9b}"), "a\\x1b[2Jb\\x0dc    d\\x9b");
        assert_eq!(line("user\u{202e}txt"), "user\\u{202e}txt");
        assert_eq!(lines("größe\nzwei\u{7}"), "größe\nzwei\\x07");
    }
}
